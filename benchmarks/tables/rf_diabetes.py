"""Random forests on the progress of diabetes in 442 patients."""

grid = {
    "n_estimators": [5, 10, 20, 40],
    "max_depth": [2, 4, 8, 16],
    "max_features": [0.2, 0.4, 0.6, 0.8, 1.0],
    "min_samples_leaf": [1, 3, 10, 30],
    "bootstrap": [True, False],
}
conditions = [({"bootstrap": [True]}, {"max_samples": [0.3, 0.6, 0.9]})]

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["rmse", "finished"]
_PERFORMANCE_SORT_ASC = True
