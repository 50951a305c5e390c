"""A grid of the digits example that is too large to try all of it: a sampler chooses, as docs/large_grids.rst tells."""

# 5,376 configurations: 1,344 with adam, and 4,032 with sgd, for which there is a momentum to choose, too.
grid = {
    "optimizer": ["sgd", "adam"],
    "lr": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
    "batch_size": [32, 64, 128, 256],
    "hidden_units": [0, 8, 16, 32, 64, 128],
    "weight_decay": [0.0, 0.0001, 0.001, 0.01],
    "standardize": [False, True],
    "num_epochs": [5],
}
conditions = [
    ({"optimizer": ["sgd"]}, {"momentum": [0.0, 0.5, 0.9]}),
]

_SCRIPT_NAME = "train.py"
_SUMMARY_FILENAME = "performance_overview.txt"
_SUMMARY_KEYWORDS = ["acc_val", "acc_test", "loss_train", "num_epochs", "time_s", "finished"]
_PERFORMANCE_KEY = "acc_val"
