"""The one-time secret of the first staff account, where the folder of keys cannot be written."""

from pathlib import Path

from services.identity.application.staff import SECRET_FILE, _take_away


def test_a_used_secret_that_cannot_be_removed_stays(tmp_path: Path) -> None:
    """It opens nothing any more. A folder in its place cannot be unlinked either, whoever tries."""
    (tmp_path / SECRET_FILE).mkdir()
    _take_away(tmp_path / SECRET_FILE)
    assert (tmp_path / SECRET_FILE).exists()
    (tmp_path / "another").write_text("used")
    _take_away(tmp_path / "another")
    assert not (tmp_path / "another").exists()
