"""Everything that metering says to people is in its catalogues, with the same figures, and nothing else is."""

import ast
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from services.chassis.profile import load_profile
from services.metering.application.explain import ACTS
from services.metering.domain.estimation import explain, self_reading, validation
from services.metering.words import LOCALE
from tests.support.events_catalogue import ROOT

TABLES = (
    explain.OFFICE,
    explain.MEMBER,
    ACTS,
    validation.SENTENCES,
    self_reading.SENTENCES,
    self_reading.CLOSED,
)
NAMED = {explain.MEMBER_LATER, "even"}
"""Said by themselves: what follows an estimate, and the source of a profile without coefficients."""


def said() -> set[str]:
    """The sentences of the tables, and the literals handed to ``say``."""
    found = {sentence for table in TABLES for sentence in table.values()} | NAMED
    for file in Path(ROOT, "services", "metering").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                found |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    return found


def languages() -> list[str]:
    """Those of the cooperatives besides English, in which the messages are written."""
    profiles = [load_profile(file.parent) for file in Path(ROOT, "profiles").glob("*/coop.toml")]
    return sorted({language for profile in profiles for language in profile.languages} - {"en"})


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("language", languages())
def test_the_catalogue_is_complete_and_has_nothing_left_over(language: str) -> None:
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = {message.id: message for message in read_po(file, locale=language) if message.id}
    assert set(catalogue) == said()
    for sentence, message in catalogue.items():
        assert message.string and not message.fuzzy, f"{sentence!r} has no {language} text"
        assert fields(message.string) == fields(sentence), f"{sentence!r} and its {language} text differ in fields"
