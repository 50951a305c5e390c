"""Support vector machines on 569 tumours, benign or malignant."""

grid = {
    "C": [0.001, 0.0072, 0.052, 0.37, 2.7, 19.0, 140.0, 1000.0],
    "scaler": ["none", "standard", "minmax"],
    "kernel": ["linear", "rbf", "sigmoid", "poly"],
}
_GAMMA = [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0]
conditions = [
    ({"kernel": ["rbf"]}, {"gamma": _GAMMA}),
    ({"kernel": ["sigmoid"]}, {"gamma": _GAMMA, "coef0": [0.0, 1.0]}),
    ({"kernel": ["poly"]}, {"gamma": _GAMMA, "coef0": [0.0, 1.0], "degree": [2, 3, 4]}),
]

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["accuracy", "finished"]
