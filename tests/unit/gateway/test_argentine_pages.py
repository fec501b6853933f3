"""The pages' words: Argentina's own where it has them, of the messages that there are, with the same fields."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import gettext

from services.gateway import language

PLURAL = tuple[str, ...]
TU = re.compile(
    r"\b(tienes|puedes|quieres|debes|recibes|prefieres|escribes|entras|pagas|crees|eliges|[Ee]scribe (el|la|tu|una)|[Ee]lige|"
    r"[Vv]uelve a|[Rr]evisa|[Aa]ctiva tu|págalos|[Ii]nicia sesión)\b",
    re.IGNORECASE,
)
"""How Spain speaks to a member and Argentina does not."""


def messages(name: str) -> dict[str, PLURAL]:
    with (language.FOLDER / name / "LC_MESSAGES" / "messages.po").open("rb") as file:
        found = [one for one in read_po(file, locale=name) if one.id]
    return {_texts(one.id)[0]: _texts(one.string) for one in found}


def _texts(value: object) -> PLURAL:
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|%\(\w+\)d", text))


def test_argentine_words_stand_for_messages_there_are() -> None:
    spanish, argentine = messages("es"), messages("es_AR")
    assert argentine.keys() <= spanish.keys()
    for key, texts in argentine.items():
        assert texts != spanish[key], key
        assert [fields(text) for text in texts] == [fields(text) for text in spanish[key]], key


def test_every_message_about_a_meter_has_argentine_words() -> None:
    told = messages("es") | messages("es_AR")
    assert [key for key, texts in told.items() if re.search("contador", " ".join(texts), re.IGNORECASE)] == []


def test_argentina_speaks_to_members_as_vos() -> None:
    read = messages("es") | messages("es_AR")  # Argentina's own words, and Spain's where it has none
    assert [text for texts in read.values() for text in texts if TU.search(text)] == []
    assert any(TU.search(text) for texts in messages("es").values() for text in texts)


@pytest.mark.parametrize(
    ("country", "reader", "meter", "everywhere"),
    [
        ("ar", "es", "Lecturas del medidor", "Error:"),
        ("es", "es", "Lecturas del contador", "Error:"),
        ("ar", "en", "Meter readings", "Error:"),
    ],
)
def test_a_page_speaks_the_words_of_its_country(country: str, reader: str, meter: str, everywhere: str) -> None:
    app = Flask(__name__)
    language.register(app, ["es", "en"], "es", country)
    assert language.PoDomain().languages() == {"en", "es"}
    with app.test_request_context(headers={"Accept-Language": reader}):
        assert (gettext("Meter readings"), gettext("Error:")) == (meter, everywhere)
        assert gettext("Sign in") == ("Sign in" if reader == "en" else messages("es")["Sign in"][0])
