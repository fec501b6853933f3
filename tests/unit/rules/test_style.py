"""The whole checkout keeps to the style that `make lint` asks for, tests and deploy's programs included."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("words", [("check", "--output-format", "concise"), ("format", "--check")], ids=" ".join)
def test_ruff_finds_nothing(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "ruff", *words, "."]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{found.stdout}{found.stderr}"
