"""``make test-k8s``: brings what the laboratory needs where it may, builds it, and runs the tests on it.

Exit code 2 with a sentence for each thing that this machine lacks: root, Go, cgroups, packages.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.k8s.lab import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
FIRST = ("tests/k8s/chain/test_apply.py", "tests/k8s/test_lab.py", "tests/k8s/test_image.py")
"""The installation comes up while cluster and image are looked at; where one of those is wrong, the journeys would only say
so later."""


def files() -> list[str]:
    """All files of tests, in their order."""
    chain = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "k8s" / "chain").glob("test_*.py"))
    return [*FIRST, *(path for path in chain if path not in FIRST)]


def main() -> None:
    os.chdir(ROOT)
    for step in (["check", "--install"], ["build"], ["images"]):
        done = subprocess.run([SCRIPTS / step[0], *step[1:]], check=False)
        if done.returncode:
            sys.exit(done.returncode)
    # One lab on one machine: one worker.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *(sys.argv[1:] or files())])


if __name__ == "__main__":
    main()
