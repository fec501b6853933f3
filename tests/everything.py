"""``make test``: brings what the tests need where it may, says by name what is missing, then runs everything.

As root on Debian or Ubuntu the missing system packages are installed. Elsewhere the tests that need them are skipped by
name; with ``CI=true`` they fail instead. With ``--only-packages`` it ends before the tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: Debian package -> how to see that it is there.
NEEDS = {
    "chromium": lambda: shutil.which("chromium") is not None,
    "postgresql-15": lambda: Path("/usr/lib/postgresql/15/bin/initdb").exists(),
    "openjdk-17-jre-headless": lambda: shutil.which("java") is not None,
    "maven": lambda: shutil.which("mvn") is not None,
    "poppler-utils": lambda: shutil.which("pdftotext") is not None,
}

#: On two cores the third takes up what the others leave while their programs start: ten minutes where two workers take twelve.
WORKERS = 3


def _missing() -> list[str]:
    return [package for package, present in NEEDS.items() if not present()]


def _install(packages: list[str]) -> None:
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        return
    print(f"Installing what the tests need: {', '.join(packages)}...", flush=True)
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [apt, "--quiet", "--option", "Acquire::Retries=3", *arguments], env=environment, check=False, **quiet
        )  # type: ignore[call-overload]
        if done.returncode:
            print(f"apt-get {arguments[0]} failed:\n{done.stdout[-2000:]}", flush=True)
            return


def main() -> None:
    packages = _missing()
    if packages:
        _install(packages)
    if sys.argv[1:] == ["--only-packages"]:
        return
    if packages:
        for package in _missing():
            consequence = "its tests will fail" if os.environ.get("CI") == "true" else "its tests are skipped"
            print(f"Not on this machine: {package} ({consequence}).", flush=True)
    os.chdir(ROOT)
    # In the order of tests/support/sharing.py.
    sharing = ["-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder"]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", "-q", *sharing, *(sys.argv[1:] or ["tests"])])


if __name__ == "__main__":
    main()
