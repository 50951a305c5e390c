"""Template of a grid module. ``hpsearch init train.py`` writes one with the options of your script in it.

By hand: copy it beside your script, change what is marked, and start
``hpsearch run --grid_module=my_folder.my_copy --run_cwd=my_folder``.
"""

# CHANGE: option of your script -> the values to try. All combinations are run.
#   True gives the bare flag (--flag_option), False leaves it out; anything else gives --name=value.
#   Texts are passed on exactly as written; nothing in them is special.
#   Options that belong together: a tuple of names, as in ("lr", "momentum"): [(0.1, 0.9), (0.01, 0.5)].
#   In place of a list, with --sampler only: LogUniform(1e-5, 1e-1), Uniform(0, 1), IntUniform(1, 8), from hpsearch.
#   A list of such dicts stands for all that any of them gives.
#   Do not list the option for the output folder: it is set for each run.
grid = {
    "float_option": [0.5, 1.0],
    "flag_option": [False, True],
    "string_option": ["example string", "another string"],
}

# CHANGE: pairs (if, then). A combination that has, for every option in the first dict, one of the listed values is
# replaced by all combinations of the second dict (its other options stay). They are applied one after another, once.
# The options of the first dict must be in the grid; the second may name new ones. Not means "any value but these":
#   from hpsearch import Not
#   ({"optimizer": Not(["sgd"])}, {"momentum": [0.0]})
# To leave combinations out, list functions that say True (keep) or False:
#   constraints = [lambda options: options["lr"] * options["batch_size"] <= 10]
conditions = [
    ({"flag_option": [True]}, {"float_option": [1.0]}),
]

# CHANGE: your script, looked up in the folder that --run_cwd names.
_SCRIPT_NAME = "train.py"

# CHANGE: the file that your script writes into its output folder, one line "keyword value" for each keyword.
_SUMMARY_FILENAME = "performance_overview.txt"

# CHANGE: those keywords. "finished" must be one of them; the value 1 says that the run came to its end.
_SUMMARY_KEYWORDS = [
    "performance_measure1",
    "finished",
]

# The option of your script that takes the output folder. The folder does not exist before the script makes it.
_OUT_ARG = "out_dir"

# The keyword by which results are sorted (None: the first), and whether the smallest comes first.
_PERFORMANCE_KEY = None
_PERFORMANCE_SORT_ASC = False

# The option that names the folder of an earlier attempt, if your script saves its state and can go on from there: runs
# that were preempted or timed out are continued then (docs/checkpoints.rst). None: runs begin anew.
#   For a script that looks into its own output folder instead: _KEEP_OUT_DIR = True
_CONTINUE_ARG = None

# Your own reader of summaries, if lines of keyword and value will not do: a function
#   f(out_dir, cmd_ident) -> {keyword: [one value]}
_SUMMARY_PARSER_HANDLE = None

# For `hpsearch_postprocessing --performance_criteria X` only: a function
#   f(summary_dict, performance_criteria) -> True if the run's folder is to be kept
_PERFORMANCE_EVAL_HANDLE = None
