"""Neural networks on images of digits."""

grid = {
    "hidden": [8, 16, 32, 64, 128],
    "layers": [1, 2],
    "learning_rate_init": [0.0001, 0.00032, 0.001, 0.0032, 0.01, 0.032, 0.1],
    "alpha": [1e-05, 0.01, 1.0],
    "activation": ["relu", "tanh"],
    "solver": ["adam", "sgd"],
}
conditions = [({"solver": ["sgd"]}, {"momentum": [0.0, 0.9]})]

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["accuracy", "finished"]
