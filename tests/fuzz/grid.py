"""A grid module, whose grids and conditions a file replaces."""

grid = {"a": [1]}
conditions = []
_SCRIPT_NAME = "train.py"
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = ["acc", "finished"]
