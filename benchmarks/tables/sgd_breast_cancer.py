"""Linear models by stochastic gradient descent on 569 tumours, benign or malignant."""

grid = {
    "alpha": [1e-05, 0.0001, 0.001, 0.01, 0.1, 1.0],
    "loss": ["hinge", "log_loss", "modified_huber"],
    "penalty": ["l2", "l1", "elasticnet"],
    "schedule": ["optimal", "constant", "adaptive"],
    "scaler": ["standard", "minmax"],
}
conditions = [
    ({"penalty": ["elasticnet"]}, {"l1_ratio": [0.15, 0.5, 0.85]}),
    ({"schedule": ["constant", "adaptive"]}, {"eta0": [0.0001, 0.001, 0.01, 0.1, 1.0]}),
]

_SCRIPT_NAME = "train.sh"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["accuracy", "finished"]
