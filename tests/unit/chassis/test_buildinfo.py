"""What is told of the running version: by an image, and by a checkout."""

import json
import platform
from pathlib import Path

import pytest

from services.chassis.buildinfo import build
from services.staff.cli import run


def test_an_image_tells_its_commit(tmp_path: Path) -> None:
    file = tmp_path / "build.json"
    file.write_text(json.dumps({"version": "1.2.3", "commit": "c0ffee", "time": "2026-11-22T08:00:00Z"}))
    assert build(file).document() == {
        "name": "acometida",
        "version": "1.2.3",
        "commit": "c0ffee",
        "time": "2026-11-22T08:00:00Z",
        "python": platform.python_version(),
    }


def test_a_checkout_says_source(tmp_path: Path) -> None:
    told = build(tmp_path / "absent.json").document()
    assert told["commit"] == "source"
    assert "time" not in told


def test_the_command_line_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out == f"acometida 0.1.0 (source), Python {platform.python_version()}\n"
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["commit"] == "source"
