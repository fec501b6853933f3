"""Catalogues, type, colours, chart scale: what documents are made of."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path
from types import BuiltinFunctionType

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from reportlab.lib import rl_accel
from reportlab.pdfbase.ttfonts import TTFontFile

from services.billing.documents import calculation, chart, ink, typeface, vocabulary
from services.billing.documents.edition import edition
from services.billing.documents.figures import figures
from services.billing.documents.model import Line
from services.chassis.errors import Invalid

DOCUMENTS = Path(vocabulary.__file__).parent
LOCALE = DOCUMENTS.parent / "locale"
KEYWORDS = {"N_": None, "t": None, "translate": None, "n": (1, 2)}


def extracted() -> set[str]:
    """Every message id of the documents' sources."""
    found = extract_from_dir(DOCUMENTS, keywords=KEYWORDS)
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


def fields(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


@pytest.mark.parametrize("language", ["es", "en"])
def test_catalogue_is_complete_and_has_nothing_left_over(language):
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    known = {}
    for message in catalogue:
        if message.id:
            key, texts = (message.id[0], message.string) if message.pluralizable else (message.id, (message.string,))
            assert all(texts), f"{key!r} has no {language} text"
            assert not message.fuzzy, f"{key!r} is fuzzy"
            known[key] = texts
    assert set(known) == extracted()
    for key, texts in known.items():
        for text in texts:
            assert fields(text) == fields(key), f"{key!r} and its {language} text have different fields"
            assert text.count("**") == key.count("**")


def test_argentine_catalogue_only_overrides_messages_there_are():
    with (LOCALE / "es_AR" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        overrides = {message.id: message.string for message in read_po(file, locale="es_AR") if message.id}
    assert overrides["Meter"] == "Medidor"
    assert set(overrides) <= extracted()


@pytest.mark.parametrize("face", [typeface.REGULAR, typeface.SEMIBOLD, typeface.DISPLAY])
def test_face_has_the_alphabets_and_tabular_digits(face):
    font = TTFontFile(str(DOCUMENTS / "fonts" / f"{face}.ttf"))
    needed = "áéíóúüñçÁÉÍÓÚÜÑÇàèòïl·ºª€$«»–—…×÷²³·−'ŁőşΩЖ0123456789\u00a0"
    assert [character for character in needed if ord(character) not in font.charToGlyph] == []
    assert len({font.charWidths[ord(digit)] for digit in "0123456789"}) == 1


def test_faces_come_with_their_licence_and_are_small():
    assert "SIL Open Font License" in (DOCUMENTS / "fonts" / "OFL.txt").read_text()
    assert sum(file.stat().st_size for file in (DOCUMENTS / "fonts").glob("*.ttf")) < 1_000_000


def test_wrapping_keeps_width_words_and_no_break_spaces():
    typeface.register()
    text = "El total de 1.055,44\u00a0€ vence el lunes 23 de noviembre de 2026, " * 3
    lines = typeface.wrap(text, typeface.REGULAR, 9, 90)
    assert all(typeface.width(line, typeface.REGULAR, 9) <= 90 for line in lines)
    assert " ".join(lines).split(" ") == text.split(" ")
    assert sum("1.055,44\u00a0€" in line for line in lines) == 3


def test_accents_written_as_two_characters_are_composed():
    assert typeface.clean("Pen\u0303a Ibáñez\n") == "Peña Ibáñez "


@pytest.mark.parametrize("colour", ["#0B5D5A", "#FFD400", "#FFFFFF", "#7FC97F", "#14507A"])
def test_any_brand_colour_can_be_read_on_white_and_on_its_tint(colour):
    shades = ink.brand(colour)
    assert ink.contrast(shades.strong, shades.tint) >= 4.5
    assert ink.contrast(shades.strong, ink.WHITE) >= 4.5
    assert ink.contrast(ink.MUTED, shades.tint) >= 4.5


def test_tags_can_be_read():
    for text, ground in ((ink.AMBER, ink.AMBER_GROUND), (ink.GREEN, ink.GREEN_GROUND), (ink.RED, ink.RED_GROUND)):
        assert ink.contrast(text, ground) >= 4.5


@pytest.mark.parametrize(
    ("maximum", "top", "lines"),
    [
        ("361", "400", 4),
        ("24", "30", 3),
        ("0", "1", 1),
        ("3", "3", 3),
        ("400", "400", 4),
        ("0.7", "0.8", 4),
        ("12345", "15000", 3),
    ],
)
def test_chart_grid_ends_at_or_above_the_highest_bar(maximum, top, lines):
    levels = chart.grid(D(maximum))
    assert levels[-1] == D(top) >= D(maximum)
    assert len(levels) == lines


def test_figures_over_the_bars_are_short():
    assert [chart.rounded(D(value)) for value in ("245.123", "9.95", "0.04", "10.5")] == [
        D(245),
        D("10.0"),
        D("0.0"),
        D(11),
    ]


def test_figures_of_each_locale():
    spain, argentina, english = figures("es_ES", "EUR"), figures("es_AR", "ARS"), figures("en_GB", "EUR")
    assert spain.money(D("-12345.5")) == "\u221212.345,50\u00a0€"
    assert argentina.money(D("19567.39")).replace("\u00a0", "") == "$19.567,39"
    assert english.money(D("55.44")) == "€55.44"
    assert spain.price(D("0.196000"), "/kWh") == "0,196000\u00a0€/kWh"
    assert spain.price(D("12.5"), "") == "12,50\u00a0€"
    assert spain.number(D("4.60")) == "4,6"
    assert spain.percent(D("5.11269632")) == "5,11269632\u00a0%"
    assert spain.share(D("1"), D("8")) == "13\u00a0%"
    assert spain.signed_money(D("4.1")) == "+4,10\u00a0€"


def test_a_code_without_words_is_refused_by_name():
    with pytest.raises(Invalid, match="'moon_fee'"):
        vocabulary.word(vocabulary.CONCEPTS, "moon_fee")
    assert vocabulary.word(vocabulary.CONCEPTS, "moon_fee", "Tasa lunar") == "Tasa lunar"


def test_coordinates_are_written_by_the_compiled_helper() -> None:
    """A page has hundreds of them: without it an invoice takes a quarter more of the processor."""
    assert isinstance(rl_accel.fp_str, BuiltinFunctionType)
    assert rl_accel.fp_str(0.0, 595.275591, -12.5, 1 / 3) == "0 595.2756 -12.5 .333333"


@pytest.mark.parametrize(
    ("days_of", "said"), [(31, "10 días × 1.200,00 $/mes ÷ 31"), (365, "10 días × 1.200,00 $/mes × 12 ÷ 365")]
)
def test_a_part_of_a_month_is_divided_by_its_month_or_as_a_twelfth_by_its_year(days_of: int, said: str) -> None:
    line = Line("fixed_charge", D("387.10"), days=10, unit_price=D("1200.00"), price_unit="month", year_days=days_of)
    assert calculation.written(edition("es_AR", "ar", "ARS"), line).replace("\u00a0", " ") == said
