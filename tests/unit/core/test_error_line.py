"""Which line of a log says why its program failed."""

from __future__ import annotations

import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.core.failures import clean_lines, error_line, last_line

TRACEBACK = """\
Traceback (most recent call last):
  File "/home/u/proj/train.py", line 88, in <module>
    main()
  File "/home/u/env/lib/python3.11/site-packages/numpy/core.py", line 12, in dot
    return a @ b
           ~~^~~
ValueError: shapes (3,) and (4,) not aligned
"""
FOUND = "ValueError: shapes (3,) and (4,) not aligned (train.py:88)"


def said(log: str) -> str:
    """Return the line found in a log, which the test gives indented."""
    found = error_line(textwrap.dedent(log))
    return "" if found is None else str(found)


@pytest.mark.parametrize(
    "after",
    [
        "",
        "wandb: Run summary:\nwandb: ERROR Error while calling W&B API\nwandb: \n",
        "/usr/lib/python3.10/multiprocessing/resource_tracker.py:224: UserWarning: resource_tracker: leaked\n"
        "  warnings.warn('resource_tracker: There appear to be 1 leaked semaphore objects to clean up')\n",
        "Exception ignored in: <function Pool.__del__ at 0x7f>\nTraceback (most recent call last):\n"
        '  File "/home/u/proj/pool.py", line 2, in __del__\nRuntimeError: closed\n',
        "Error in atexit._run_exitfuncs:\nTraceback (most recent call last):\n"
        '  File "/home/u/proj/end.py", line 2, in bye\nOSError: gone\n',
        "[W1128 10:00:00.000000000 ProcessGroupNCCL.cpp:1250] Warning: process group has NOT been destroyed\n",
        "\r 10%|#         | 1/10 [00:01<00:09,  1.0it/s]\r 20%|##        | 2/10 [00:02<00:08,  1.0it/s]\n",
        "\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.\n",
        "srun: error: node1: task 0: Exited with exit code 1\n",
        "saving to /tmp/x\n\n",
        "2026-01-01 10:00:00,123 - root - INFO - bye\n",
    ],
)
def test_what_comes_after_a_traceback_hides_nothing(after: str) -> None:
    assert said(TRACEBACK + after) == FOUND


@pytest.mark.parametrize(
    "log, line",
    [
        (TRACEBACK.replace("\n", "\r\n"), FOUND),
        ("".join(f"[rank0]: {line}\n" for line in TRACEBACK.splitlines()), FOUND),
        ("".join(f"[default1]:{line}\n" for line in TRACEBACK.splitlines()), FOUND),
        ("".join(f"1: {line}\n" for line in TRACEBACK.splitlines()), FOUND),
        ("".join(f"(train pid=123) {line}\n" for line in TRACEBACK.splitlines()), FOUND),
        ("\x1b[31m" + TRACEBACK.replace("ValueError", "\x1b[1mValueError\x1b[0m"), FOUND),
        (
            TRACEBACK + "\nDuring handling of the above exception, another exception occurred:\n\n"
            'Traceback (most recent call last):\n  File "train.py", line 90, in <module>\n    raise Bad from e\nBad\n',
            "Bad (train.py:90)",
        ),
        (
            """\
              + Exception Group Traceback (most recent call last):
              |   File "/x/train.py", line 4, in <module>
              |     raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
              | ExceptionGroup: several (2 sub-exceptions)
              +-+---------------- 1 ----------------
                | Traceback (most recent call last):
                |   File "/x/data.py", line 7, in load
                | ValueError: 1
                +---------------- 2 ----------------
                | TypeError: 2
                +------------------------------------
            """,
            "ExceptionGroup: several (2 sub-exceptions), first: ValueError: 1 (data.py:7)",
        ),
        # Its class may have any name, and groups may be nested.
        (
            """\
              + Exception Group Traceback (most recent call last):
              |   File "/x/train.py", line 4, in <module>
              | Several: of mine (1 sub-exception)
              +-+---------------- 1 ----------------
                | Exception Group Traceback (most recent call last):
                |   File "/x/data.py", line 7, in load
                | ExceptionGroup: inner (1 sub-exception)
                +-+---------------- 1 ----------------
                  | ValueError: 1
                  +------------------------------------
            """,
            "Several: of mine (1 sub-exception), first: ValueError: 1 (data.py:7)",
        ),
        # A mistake in the script itself has no header.
        (
            """\
              File "/x/train.py", line 3
                def f(
                     ^
            SyntaxError: '(' was never closed
            """,
            "SyntaxError: '(' was never closed (train.py:3)",
        ),
        (
            """\
            Traceback (most recent call last):
              File "train.py", line 9, in <module>
                model.load_state_dict(torch.load(path))
            RuntimeError: Error(s) in loading state_dict for Net:
            \tMissing key(s) in state_dict: "fc.weight".
            \tUnexpected key(s) in state_dict: "fc.w".
            """,
            'RuntimeError: Error(s) in loading state_dict for Net: Missing key(s) in state_dict: "fc.weight". '
            "(train.py:9)",
        ),
        (
            """\
            Traceback (most recent call last):
              File "train.py", line 9, in <module>
            pydantic_core._pydantic_core.ValidationError: 1 validation error for Config
            lr
              Input should be a valid number [type=float_parsing]
            """,
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Config lr (train.py:9)",
        ),
        (
            """\
            Traceback (most recent call last):
              File "train.py", line 9, in <module>
            RuntimeError: Caught ValueError in DataLoader worker process 0.
            Original Traceback (most recent call last):
              File "/e/site-packages/torch/utils/data/worker.py", line 309, in _worker_loop
              File "/x/data.py", line 12, in __getitem__
            ValueError: bad label
            """,
            "ValueError: bad label (data.py:12)",
        ),
        # torchrun
        (
            """\
            Traceback (most recent call last):
              File "/x/train.py", line 5, in main
            ValueError: boom
            E1128 10:00:00 12 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1) local_rank: 0
            Traceback (most recent call last):
              File "/e/bin/torchrun", line 8, in <module>
                sys.exit(main())
            torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
            ============================================================
            train.py FAILED
            ------------------------------------------------------------
            Failures:
              <NO_OTHER_FAILURES>
            ------------------------------------------------------------
            Root Cause (first observed failure):
            [0]:
              time      : 2026-11-28_10:00:00
              host      : box
              rank      : 0 (local_rank: 0)
              exitcode  : 1 (pid: 12)
              error_file: <N/A>
              traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
            ============================================================
            """,
            "ValueError: boom (train.py:5)",
        ),
        (
            """\
            torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
            Root Cause (first observed failure):
            [0]:
              exitcode  : 1 (pid: 12)
              traceback : Traceback (most recent call last):
                File "/e/site-packages/torch/elastic/errors/__init__.py", line 346, in wrapper
                  return f(*args, **kwargs)
                File "/x/train.py", line 5, in main
                  raise ValueError("boom")
              ValueError: boom
            ============================================================
            """,
            "ValueError: boom (train.py:5)",
        ),
        (
            TRACEBACK + 'Traceback (most recent call last):\n  File "/e/bin/accelerate", line 8, in <module>\n'
            "subprocess.CalledProcessError: Command '['python', 'train.py']' returned non-zero exit status 1.\n",
            FOUND,
        ),
        # The line of code, as some printers show it.
        (TRACEBACK.replace("    main()\n", "> main()\n"), FOUND),
        # Other words of programs.
        (
            "usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --lrr=1\n",
            "train.py: error: unrecognized arguments: --lrr=1",
        ),
        (
            "Usage: train.py [OPTIONS]\nTry 'train.py --help' for help.\n\nError: No such option: --lrr\n",
            "Error: No such option: --lrr",
        ),
        (
            "Usage: train.py [OPTIONS]\n╭─ Error ────────────────╮\n│ No such option: --lrr  │\n╰───────────────╯\n",
            "No such option: --lrr",
        ),
        (
            "╭───── Traceback (most recent call last) ─────╮\n│ /x/train.py:5 in <module>   │\n"
            "│ ❱ 5 raise ValueError()      │\n"
            "╰──────────────────────────╯\nValueError: boom\n",
            "ValueError: boom (train.py:5)",
        ),
        ("train.sh: line 3: foo: command not found\n", "train.sh: line 3: foo: command not found"),
        (
            "python3: can't open file '/x/train.py': [Errno 2] No such file or directory\n",
            "python3: can't open file '/x/train.py': [Errno 2] No such file or directory",
        ),
        ("/usr/bin/python3: No module named pkg.train\n", "/usr/bin/python3: No module named pkg.train"),
        ("Error in log(-1) :\n  non-numeric argument\nExecution halted\n", "Error in log(-1) : non-numeric argument"),
        (
            "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad\nAborted\n",
            "std::runtime_error: bad",
        ),
        (
            "Fatal Python error: Segmentation fault\n\nCurrent thread 0x7f (most recent call first):\n"
            '  File "/e/site-packages/x/y.py", line 1 in g\n  File "/x/train.py", line 3 in f\n'
            '  File "/x/train.py", line 9 in <module>\n\nExtension modules: numpy (total: 1)\n',
            "Segmentation fault (train.py:3)",
        ),
        # The current thread counts; what follows the frames is another program's.
        (
            "Fatal Python error: Aborted\n\n"
            'Thread 0x7e (most recent call first):\n  File "/x/load.py", line 5 in wait\n\n'
            'Current thread 0x7f (most recent call first):\n  File "/x/train.py", line 3 in f\n'
            "RuntimeError: worker died\n",
            "Aborted (train.py:3)",
        ),
        (
            "[rank0]: Fatal Python error: Segmentation fault\n[rank0]: \n[rank0]: Current thread 0x7f:\n"
            '[rank0]:   File "/e/site-packages/x/y.py", line 1 in g\n[rank0]:   File "/x/train.py", line 3 in f\n',
            "Segmentation fault (train.py:3)",
        ),
        (
            "0: Fatal Python error: Aborted\n0: \n0: Current thread 0x7f (most recent call first):\n"
            '0:   File "/x/train.py", line 3 in f\n0: \n0: Extension modules: numpy (total: 1)\n',
            "Aborted (train.py:3)",
        ),
        ("ERROR: LoadError: boom\nin expression starting at x.jl:1\n", "ERROR: LoadError: boom"),
        ("epoch 1\nno data in /data/mnist\n", "no data in /data/mnist"),
        # Nothing but noise.
        ("/x/train.py:3: UserWarning: lr is large\n  warnings.warn('lr is large')\n", ""),
        (" 50%|#####     | 5/10 [00:01<00:01,  5.0it/s]", ""),
        ("2026-01-01 10:00:00 INFO epoch 1\nWARNING:root:careful\n[2026-01-01][__main__][INFO] - x\n", ""),
        ("", ""),
        # Frames in a message are no traceback.
        (
            TRACEBACK.replace("ValueError: shapes (3,) and (4,) not aligned", "tf.InvalidArgumentError: Graph error:")
            + "\nDetected at node 'mul' (most recent call last):\n    File \"/x/train.py\", line 3, in f\n"
            "Node: 'mul'\nIncompatible shapes\n",
            "tf.InvalidArgumentError: Graph error: Detected at node 'mul' (most recent call last): (train.py:88)",
        ),
        (
            "slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch\n"
            "srun: error: n1: task 0: Exited with exit code 1",
            "slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch",
        ),
        (
            "[rank0]: Traceback (most recent call last):\n[rank1]: Traceback (most recent call last):\n"
            '[rank1]:   File "/x/train.py", line 7, in f\n[rank1]: KeyError: 1\n',
            "KeyError: 1 (train.py:7)",
        ),
        # Torn by the end of what is read.
        ('(x)\n  File "/x/train.py", line 88, in f\n    g()\nKeyError: 1\n', "KeyError: 1 (train.py:88)"),
        ('Traceback (most recent call last):\n  File "/x/train.py", line 88, in f\n', ""),
    ],
)
def test_the_line_that_says_why(log: str, line: str) -> None:
    assert said(log) == line


def test_a_survived_error_does_not_hide_the_last_word() -> None:
    assert said(TRACEBACK + "train.py: error: no data left\n") == "train.py: error: no data left"


def test_errors_of_threads_count_where_nothing_else_does() -> None:
    of_thread = "Exception in thread Thread-1 (f):\n" + TRACEBACK
    assert said(of_thread) == FOUND
    assert said(TRACEBACK.replace("88", "7") + of_thread) == FOUND.replace("88", "7")


def test_a_progress_bar_is_no_last_line_of_output() -> None:
    assert last_line("epoch 1\nloss is nan, giving up\n 10%|#    | 1/10 [00:01<00:09]\r 20%|##   |\n\n") == (
        "loss is nan, giving up"
    )


def test_escape_sequences_and_control_characters_are_removed() -> None:
    assert clean_lines("\x1b]0;title\x07a\x1b[2K\x1b[1;31mb\x00\x08\tc\r\nd\re") == ["ab c", "d", "e"]


_PIECES = st.sampled_from(
    [
        *("Traceback (most recent call last):\n", '  File "x.py", line 3, in f\n', "  + Exception Group Traceback (\n"),
        *("  | ", "+-+---------------- 1 ---\n", "[rank0]: ", "\x1b[", "\r", "\n", "E: x\n", "Fatal Python error: x\n"),
    ]
)


@settings(max_examples=100)
@given(st.lists(_PIECES | st.text(), max_size=12).map("".join))
def test_any_log_gives_one_short_line_or_none(log: str) -> None:
    found = error_line(log)
    text = str(found) if found is not None else last_line(log)
    assert text.isprintable()
    assert len(text) <= 240 + 83


@pytest.mark.parametrize("piece", ["- ", "#", "[", "0:", "a.", " ", "─", "File ", "x/", "12 ", "(", "| ", "\x1b["])
def test_long_lines_take_no_time(piece: str) -> None:
    began = time.process_time()
    error_line(piece * (60_000 // len(piece)) + "!\n")
    assert time.process_time() - began < 1
