"""Charts, colours, words and catalogues."""

import re
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from babel import Locale
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import brand, formatting
from services.gateway.compose.csv_file import cell
from services.gateway.language import FOLDER
from services.gateway.web.charts import Band, Bar, Chart, Group, Part, draw, split
from services.gateway.web.verify import canonical

ES, EN, AR = Locale("es", "ES"), Locale("en", "GB"), Locale("es", "AR")


def drawn(chart: Chart) -> ElementTree.Element:
    """The chart parsed: it is well-formed, or this fails."""
    return ElementTree.fromstring(str(draw(chart, ES)))


def test_bars_are_in_proportion_and_stand_on_the_floor() -> None:
    groups = [Group("a", (Bar((Part(100_000),), "one"),)), Group("b", (Bar((Part(50_000),), "two"),))]
    bars = [one for one in drawn(Chart("c", "A sentence", groups)).iter("rect") if one.get("class") == "bar"]
    heights = [int(one.get("height", "")) for one in bars]
    assert heights[0] == 2 * heights[1]
    assert len({int(one.get("y", "")) + int(one.get("height", "")) for one in bars}) == 1


def test_an_estimated_bar_is_hatched_and_marked() -> None:
    chart = drawn(Chart("c", "s", [Group("a", (Bar((Part(5, "p1"),), "t", estimated=True),))]))
    bar = next(one for one in chart.iter("rect") if one.get("class") == "estimated")
    pattern = next(chart.iter("pattern")).get("id")
    assert bar.get("fill") == f"url(#{pattern})"
    assert "E" in [text.text for text in chart.iter("text")]


def test_an_absent_bar_is_an_outline() -> None:
    chart = drawn(Chart("c", "s", [Group("a", (Bar((), "no reading"),))]))
    assert [one.get("class") for one in chart.iter("rect") if one.find("title") is not None] == ["absent"]


def test_text_of_people_cannot_become_markup() -> None:
    chart = drawn(Chart("c", '"><script>', [Group("<b>", (Bar((Part(1),), "<i>"),))], [Band(0, 1, "p1", "<u>")]))
    assert not list(chart.iter("script"))
    assert {"<b>", "<u>"} <= {text.text for text in chart.iter("text")}


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=31))
def test_every_bar_fits_the_plot(values: list[int]) -> None:
    chart = drawn(Chart("c", "s", [Group("", (Bar((Part(value),), "t"),)) for value in values]))
    for bar in chart.iter("rect"):
        if bar.get("class") == "bar":
            assert 20 <= int(bar.get("y", "")) <= 188
            left, width = float(bar.get("x", "")[:-1]), float(bar.get("width", "")[:-1])
            assert 0 <= left <= left + width <= 100.01


def test_a_divided_bar_is_whole() -> None:
    pieces = ElementTree.fromstring(str(split([("slice-1", 3), ("slice-2", 1)], "s"))).findall("rect")
    assert [piece.get("width") for piece in pieces] == ["75.00%", "25.00%"]


@pytest.mark.parametrize("colour", ["#0B5D5A", "#1F5FA8", "#7a3ff2", "#ffd400", "#ffffff", "#000000", "#d62828"])
def test_any_brand_colour_reads_in_both_themes(colour: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1 for text, whatever a profile chooses."""
    light, dark = brand.light_palette(colour), brand.dark_palette(colour)
    for palette, card in ((light, brand.LIGHT_CARD), (dark, brand.DARK_CARD)):
        assert brand.contrast(palette.brand, card) >= 4.5
        assert brand.contrast(palette.on_brand, palette.brand) >= 4.5
        assert brand.contrast(palette.on_brand, palette.brand_strong) >= 4.5
        assert brand.contrast(palette.on_soft, palette.brand_soft) >= 4.5
        assert brand.contrast(palette.on_soft_muted, palette.brand_soft) >= 4.5


def test_a_brand_that_is_no_colour_says_so() -> None:
    with pytest.raises(ValueError, match="'green' is not of the form #rrggbb"):
        brand.stylesheet("green")


@pytest.mark.parametrize(
    ("locale", "currency", "amount", "text"),
    [
        (ES, "EUR", "55.44", "55,44\xa0€"),
        (EN, "EUR", "1234.5", "€1,234.50"),
        (AR, "ARS", "12345.6", "$12.345,60"),
        (ES, "EUR", "-3", "−3,00\xa0€"),
    ],
)
def test_money(locale: Locale, currency: str, amount: str, text: str) -> None:
    assert formatting.money(Decimal(amount), currency, locale) == text


@pytest.mark.parametrize(
    ("wh", "text"), [(245_000, "245 kWh"), (9_210, "9,21 kWh"), (21_000, "21 kWh"), (117, "0,117 kWh"), (0, "0 kWh")]
)
def test_energy(wh: int, text: str) -> None:
    assert formatting.energy(wh, ES) == text.replace(" ", "\xa0")


def test_dates_in_words() -> None:
    day, today = date(2026, 11, 23), date(2026, 11, 21)
    assert formatting.civil_date(day, ES, "full", today=today) == "lunes 23 de noviembre"
    assert formatting.civil_date(day, EN, "full", today=today) == "Monday 23 November"
    assert formatting.civil_date(day, ES, "day", today=date(2027, 1, 1)) == "23 de noviembre de 2026"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


def test_a_cell_with_the_separator_is_quoted() -> None:
    assert cell('a;"b"') == '"a;""b"""'
    assert cell("5555/1") == "5555/1"


def test_a_code_loses_what_people_add() -> None:
    assert canonical(" 7q4m-2k9d.xw3r 5tbn") == "7Q4M2K9DXW3R5TBN"
    assert canonical("oOiIlL") == "001111"


def test_every_text_is_translated() -> None:
    """The Spanish catalogue has what the source says, no more and no less, with the same placeholders."""
    from babel.messages.extract import extract_from_dir

    options = {"**.html": {"trimmed": "true"}}
    source = extract_from_dir(
        str(FOLDER.parent),
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        options_map=options,
        keywords={"_": None, "gettext": None, "ngettext": (1, 2), "lazy": None},
    )
    wanted = {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in source}
    with (FOLDER / "es" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = {
            message.id[0] if isinstance(message.id, tuple) else message.id: message
            for message in read_po(file)
            if message.id
        }
    assert wanted - set(catalogue) == set()
    assert set(catalogue) - wanted == set()
    for message in catalogue.values():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), f"{message.id} has no Spanish text"
        assert {*re.findall(r"%\((\w+)\)", " ".join(ids))} == {*re.findall(r"%\((\w+)\)", " ".join(texts))}, message.id
