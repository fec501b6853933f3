"""The way the tests are shared out names files that are there."""

from pathlib import Path

import pytest

from tests.support.sharing import FIRST, TOGETHER

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("start", [*TOGETHER, *FIRST])
def test_a_path_that_is_named_exists(start: str) -> None:
    folder, _, name = start.rpartition("/")
    assert any(path.name.startswith(name) for path in (ROOT / folder).iterdir())
