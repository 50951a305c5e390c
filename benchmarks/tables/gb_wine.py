"""Gradient boosting on 178 wines of three growers."""

grid = {
    "n_estimators": [5, 10, 20, 40],
    "learning_rate": [0.003, 0.0096, 0.031, 0.098, 0.31, 1.0],
    "max_depth": [1, 2, 3, 4],
    "subsample": [0.3, 0.6, 1.0],
    "max_features": ["sqrt", 0.5, 1.0],
}
conditions = []

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["log_likelihood", "finished"]
