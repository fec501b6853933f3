"""Metering's words: Argentina's own where it has them, of the messages that there are, with the same fields."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from services.metering.words import LOCALE, Words


def messages(language: str) -> dict[str, str]:
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale=language) if one.id}


def test_argentine_words_stand_for_messages_there_are() -> None:
    spanish, argentine = messages("es"), messages("es_AR")
    assert argentine.keys() <= spanish.keys()
    for key, text in argentine.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", key)), key
        assert "contador" not in text.lower() and text != spanish[key]


def test_every_message_about_a_meter_has_argentine_words() -> None:
    argentine = messages("es_AR")
    assert [key for key, text in messages("es").items() if "contador" in text.lower() and key not in argentine] == []


def test_a_member_in_argentina_reads_them_and_one_in_spain_does_not() -> None:
    said = next(key for key, text in messages("es").items() if text == "Falta una foto del contador.")
    assert Words("es", "es_AR").say(said) == "Falta una foto del medidor."
    assert Words("es", "es_ES").say(said) == "Falta una foto del contador."
    assert Words("en", "en_GB").say(said) == said
    everywhere = "even"
    assert Words("es", "es_AR").say(everywhere) == "uniforme"
