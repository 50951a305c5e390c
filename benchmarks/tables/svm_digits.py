"""Support vector machines on images of digits."""

grid = {
    "C": [0.01, 0.068, 0.46, 3.2, 22.0, 150.0, 1000.0],
    "scaler": ["none", "standard"],
    "kernel": ["linear", "rbf", "sigmoid", "poly"],
}
_GAMMA = [1e-05, 6.8e-05, 0.00046, 0.0032, 0.022, 0.15, 1.0]
conditions = [
    ({"kernel": ["rbf"]}, {"gamma": _GAMMA}),
    ({"kernel": ["sigmoid"]}, {"gamma": _GAMMA, "coef0": [0.0, 1.0]}),
    ({"kernel": ["poly"]}, {"gamma": _GAMMA, "degree": [2, 3, 4]}),
]

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["accuracy", "finished"]
