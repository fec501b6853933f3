from datetime import date
from pathlib import Path

from services.local.demo.progress import LoadState


def test_a_load_that_was_stopped_goes_on_from_the_same_day(tmp_path: Path) -> None:
    first = LoadState(tmp_path / "demo", date(2026, 11, 30))
    first.mark("members")
    later = LoadState(tmp_path / "demo", date(2026, 12, 1))
    assert later.today == date(2026, 11, 30)
    assert later.is_done("members") and not later.is_done("readings")
