"""``make test-k8s``: brings what the laboratory needs where it may, builds it, and runs the tests on it.

Exit code 2 with a sentence for each thing that this machine lacks: root, Go, cgroups, packages.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.k8s.lab import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("tests/k8s/test_lab.py", "tests/k8s/test_image.py", "tests/k8s/chain")
"""In this order: where the cluster or the image is wrong, the journeys would only say so later."""


def main() -> None:
    os.chdir(ROOT)
    for step in (["check", "--install"], ["build"], ["images"]):
        done = subprocess.run([SCRIPTS / step[0], *step[1:]], check=False)
        if done.returncode:
            sys.exit(done.returncode)
    # One lab on one machine: one worker.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *(sys.argv[1:] or TESTS)])


if __name__ == "__main__":
    main()
