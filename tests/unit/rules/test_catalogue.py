"""docs/events.md says what the protos say."""

from tests.support.events_catalogue import ROOT, catalogue


def test_the_catalogue_is_the_protos() -> None:
    written = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert written == catalogue(), "docs/events.md is out of date: run 'make docs'"
