"""What a machine must have for a test: a missing piece is a named skip on a developer's machine and a failure with CI=true."""

import os
import shutil

import pytest


def require(program: str, package: str, *, also: tuple[str, ...] = ()) -> str:
    """The path of a program, looked for on PATH and at ``also``. Skips, or fails under CI, naming the Debian package."""
    found = shutil.which(program) or next((path for path in also if os.access(path, os.X_OK)), None)
    if found:
        return found
    return missing(f"{program} is not on this machine: install the Debian package {package}.")


def missing(sentence: str) -> str:
    """Skips the test with the sentence; with CI=true fails it, so that no gap hides behind a green run."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
    return ""
