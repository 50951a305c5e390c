"""What to search for the digits example: a grid module, as hpsearch takes it with ``--grid_module``.

Copy it next to a script of your own, and change three things: the grid, the name of the script, and what its summary
says. Run it from the project's folder with ``script/example``.
"""

# Option of train.py -> the values to try. Every combination becomes one run: here 2 * 2 * 2 * 2 * 1 * 1 = 16.
# True means that the bare flag is given (`--standardize`), False that it is left out.
grid = {
    "optimizer": ["sgd", "adam"],
    "lr": [0.01, 0.1],
    "momentum": [0.0, 0.9],
    "hidden_units": [0, 32],
    "standardize": [True],
    "random_seed": [42],
}

# Not every combination makes sense. A condition is a pair (if, then): where a combination has one of the values in
# `if`, the options in `then` take the values given there instead. They are applied one after another.
conditions = [
    # Adam takes smaller steps, and has no momentum to set. The combinations that become equal by this run once only:
    # hpsearch drops the duplicates and says how many there were.
    ({"optimizer": ["adam"]}, {"lr": [0.001, 0.01], "momentum": [0.0]}),
    # Without hidden units the network is a softmax regression, so quickly trained that more can be tried: whether
    # scaling the pixels helps. An option named only here (`num_epochs`) is left alone in all other runs.
    ({"hidden_units": [0]}, {"momentum": [0.0], "standardize": [False, True], "num_epochs": [20]}),
]
# That leaves 14 configurations: 4 (sgd) + 2 (adam) with hidden units, 4 + 4 without.

# The script, looked up in the folder that --run_cwd names.
_SCRIPT_NAME = "train.py"

# The file that the script leaves in its output folder, and the words its lines start with. `finished` has to be one of
# them: `finished 1` says that the run came to its end.
_SUMMARY_FILENAME = "performance_overview.txt"
_SUMMARY_KEYWORDS = ["acc_val", "acc_test", "loss_train", "acc_val_per_epoch", "num_epochs", "time_s", "finished"]

# The results are sorted by this keyword, best first. Choose runs by the validation accuracy: choosing by the test
# accuracy would make the best run look better than it is.
_PERFORMANCE_KEY = "acc_val"
_PERFORMANCE_SORT_ASC = False  # a high accuracy is good; True would suit a loss

# The option that tells the script where to write. hpsearch fills it in; the folder does not exist yet at that moment.
_OUT_ARG = "out_dir"

# The option that tells the script from which folder to go on, where an earlier attempt at a run was interrupted. Only
# scripts that save their state have one.
_CONTINUE_ARG = "resume_from"


def is_good_enough(summary_dict: dict[str, list[str]], performance_criteria: float) -> bool:
    """Return True for runs to keep.

    Asked by ``hpsearch_postprocessing --performance_criteria 90`` only, which moves the other runs aside.
    summary_dict: keyword -> list with one string, for example ``{"acc_val": ["94.75"], ...}``.
    """
    return float(summary_dict["acc_val"][0]) >= performance_criteria


_PERFORMANCE_EVAL_HANDLE = is_good_enough
