"""Neural networks on the progress of diabetes in 442 patients."""

grid = {
    "hidden": [4, 8, 16, 32],
    "layers": [1, 2],
    "learning_rate_init": [0.0001, 0.00032, 0.001, 0.0032, 0.01, 0.032, 0.1],
    "alpha": [1e-05, 1.0],
    "activation": ["relu", "tanh"],
    "batch_size": [32, 128],
}
conditions = []

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["rmse", "finished"]
_PERFORMANCE_SORT_ASC = True
