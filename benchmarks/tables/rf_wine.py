"""Random forests on 178 wines of three growers."""

grid = {
    "n_estimators": [5, 10, 20, 40],
    "max_depth": [2, 4, 8],
    "max_features": ["sqrt", 0.3, 0.7, 1.0],
    "min_samples_leaf": [1, 3, 10],
    "criterion": ["gini", "entropy"],
    "bootstrap": [True, False],
}
conditions = [({"bootstrap": [True]}, {"max_samples": [0.3, 0.6, 0.9]})]

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["log_likelihood", "finished"]
