"""1,000 tiny runs one after another, everything included, against `xargs -P1` and GNU parallel on the same script."""

from __future__ import annotations

import shutil

from _measure import answer, new_search, scratch_project, seconds

COUNT = 1000


def main() -> None:
    """Print the ratio of the wall times."""
    with scratch_project(f"{{'x': list(range({COUNT}))}}") as folder:
        numbers = "".join(f"{number}\n" for number in range(COUNT))
        words = ["./train.sh", "--x={}", "--out_dir=peer/{}"]
        by_xargs = min(seconds(["xargs", "-P1", "-I{}", *words], folder, numbers) for _ in range(2))
        ours = seconds(new_search(), folder)
        answer(f"{COUNT} tiny runs / xargs -P1", ours / by_xargs, 3, f"{ours:.2f} s, xargs {by_xargs:.2f} s")
        if shutil.which("parallel") is None:
            print("GNU parallel is not installed: no comparison with it")
            return
        joblog = ["parallel", "--will-cite", "-j1", "--joblog", "log", *words]
        by_parallel = seconds(joblog, folder, numbers)
        answer(
            f"{COUNT} tiny runs / GNU parallel", ours / by_parallel, 1, f"{ours:.2f} s, parallel {by_parallel:.2f} s"
        )


if __name__ == "__main__":
    main()
