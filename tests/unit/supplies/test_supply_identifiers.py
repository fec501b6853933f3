"""CUPS, Spanish and Argentine documents, dates: valid and invalid values and the sentences about them."""

from datetime import date

import pytest

from services.chassis.errors import Invalid
from services.supplies.domain.cups import cups_key, parse_cups
from services.supplies.domain.dates import parse_birth_date, parse_day
from services.supplies.domain.documents import mask
from services.supplies.domain.jurisdictions import Jurisdiction, jurisdiction

SPAIN = jurisdiction("es", tariff_zone="peninsula", time_zone="Europe/Madrid")
ARGENTINA = jurisdiction("ar", tariff_zone="lagunita", time_zone="America/Argentina/Buenos_Aires")


@pytest.mark.parametrize(
    "cups",
    [
        "ES0575000000000877HA",
        "ES0575000000000877HA1P",
        "ES0575000000000001AR",
        "ES0575000000000002AW",
        "ES0575000000000123PP",
        "ES0575000000000878HG",
        "ES0575000000000999TX",
        "ES0575000000001234XS",
        "ES0575999999999999PN",
        "ES1234123456789012JY",
        "ES1234123456789012JY1F",
    ],
)
def test_valid_cups_are_kept_as_they_are(cups: str) -> None:
    assert parse_cups(cups) == cups


@pytest.mark.parametrize(
    ("cups", "sentence"),
    [
        (
            "ES0575000000000877HB",
            "ES0575000000000877HB ends its digits with the letters HB; they ask for HA: check both.",
        ),
        ("ES057500000000877HA", "ES057500000000877HA has 19 characters; a CUPS has 20 or 22."),
        ("ES0575000000000877HA1", "ES0575000000000877HA1 has 21 characters; a CUPS has 20 or 22."),
        (
            "ES0575000000000877HA1A",
            "ES0575000000000877HA1A ends with 1A; the border point is a digit and one of the letters F, P, R, C, X, Y, Z.",
        ),
        ("FR0575000000000877HA", "FR0575000000000877HA starts with FR; a CUPS starts with ES."),
        ("ES05750000000O0877HA", "ES05750000000O0877HA has 05750000000O0877 after ES; a CUPS has 16 digits there."),
    ],
)
def test_an_invalid_cups_says_what_would_be_right(cups: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_cups(cups)
    assert refused.value.message == sentence
    assert refused.value.violations[0].field == "cups"


def test_cups_come_in_lower_case_with_blanks_and_compare_on_twenty_characters() -> None:
    assert parse_cups(" es 0575 0000-0000 0877 ha 1p ") == "ES0575000000000877HA1P"
    assert cups_key("ES0575000000000877HA1P") == cups_key("ES0575000000000877HA")


@pytest.mark.parametrize(
    ("written", "kind", "number", "natural"),
    [
        ("12345678Z", "nif", "12345678Z", True),
        ("12.345.678-z", "nif", "12345678Z", True),
        ("00000000T", "nif", "00000000T", True),
        ("X1234567L", "nie", "X1234567L", True),
        ("Y1234567X", "nie", "Y1234567X", True),
        ("Z1234567R", "nie", "Z1234567R", True),
        ("x-2482300-w", "nie", "X2482300W", True),
        ("K1234567L", "nif", "K1234567L", True),
        ("A13585625", "cif", "A13585625", False),
        ("B58378431", "cif", "B58378431", False),
        ("J99216582", "cif", "J99216582", False),
        ("F12345674", "cif", "F12345674", False),
        ("P0801900B", "cif", "P0801900B", False),
    ],
)
def test_spanish_documents(written: str, kind: str, number: str, natural: bool) -> None:
    document = SPAIN.recognise_document(written)
    assert (document.type, document.number, document.natural) == (kind, number, natural)
    assert SPAIN.parse_document("nif", written) == document


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("12345678A", "12345678A ends with A; its digits ask for Z: check the number."),
        ("1234567Z", "1234567Z has 8 characters; a DNI, NIE or NIF has 9, such as 12345678Z."),
        ("", "The document is empty: write the DNI, NIE or NIF, such as 12345678Z."),
        ("X1234567A", "X1234567A ends with A; its digits ask for L: check the number."),
        ("J99216583", "J99216583 ends with 3; its digits ask for 2 or B: check the number."),
        ("I12345678", "I12345678 starts with I, which no DNI, NIE or NIF does."),
        ("12345A78Z", "12345A78Z has letters among its digits: a DNI is 8 digits and a letter, such as 12345678Z."),
        ("١٢٣٤٥٦٧٨Z", "١٢٣٤٥٦٧٨Z has letters among its digits: a DNI is 8 digits and a letter, such as 12345678Z."),
    ],
)
def test_invalid_spanish_documents(written: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        SPAIN.recognise_document(written)
    assert refused.value.message == sentence


def test_a_declared_type_must_agree_with_the_number() -> None:
    assert SPAIN.parse_document("dni", "12345678Z").type == "nif"
    with pytest.raises(Invalid, match="12345678Z is a NIF, not a CIF"):
        SPAIN.parse_document("cif", "12345678Z")
    assert SPAIN.parse_document("passport", "paa 123456").key == "passport:PAA123456"


@pytest.mark.parametrize(
    ("written", "kind", "number", "key", "natural"),
    [
        ("20.123.456", "dni", "20123456", "dni:20123456", True),
        ("5123456", "dni", "5123456", "dni:5123456", True),
        ("20-05536168-2", "cuit", "20055361682", "dni:5536168", True),
        ("30-50001091-2", "cuit", "30500010912", "cuit:30500010912", False),
        ("30-70000001-6", "cuit", "30700000016", "cuit:30700000016", False),
        ("30-12345678-1", "cuit", "30123456781", "cuit:30123456781", False),
    ],
)
def test_argentine_documents(written: str, kind: str, number: str, key: str, natural: bool) -> None:
    document = ARGENTINA.recognise_document(written)
    assert (document.type, document.number, document.key, document.natural) == (kind, number, key, natural)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("123456", "123456 has 6 digits; a DNI has 7 or 8."),
        ("1234567A", "1234567A has other things than digits: a DNI has 7 or 8 digits."),
        ("20-05536168-3", "20055361683 ends with 3; its digits ask for 2: check the number."),
        (
            "99-05536168-2",
            "99055361682 starts with 99; a CUIT starts with one of 20, 23, 24, 25, 26, 27, 30, 33, 34, 50, 51, 55.",
        ),
        ("2005536168", "2005536168 has 10 characters; a CUIT has 11 digits, such as 20-05536168-2."),
    ],
)
def test_invalid_argentine_documents(written: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        ARGENTINA.recognise_document(written)
    assert refused.value.message == sentence


@pytest.mark.parametrize(("number", "shown"), [("12345678Z", "***4567**"), ("5123456", "**2345*"), ("ABC12", "**C1*")])
def test_a_masked_document_shows_four_characters(number: str, shown: str) -> None:
    assert mask(number) == shown


@pytest.mark.parametrize("written", ["1984-03-12", "12/03/1984", "12.03.1984", "12-3-1984", "1984-3-12"])
def test_dates_in_both_orders(written: str) -> None:
    assert parse_day(written, "birth_date") == date(1984, 3, 12)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("31/02/1980", "31/02/1980 does not exist: 1980-02 has 29 days."),
        ("1981-02-29", "1981-02-29 does not exist: 1981-02 has 28 days."),
        ("12/13/1984", "12/13/1984 does not exist: there is no month 13."),
        ("0000-01-01", "0000-01-01 does not exist: there is no year 0."),
        ("yesterday", "'yesterday' is not a date: write it as 1984-03-12 or 12/03/1984."),
        ("12/03/84", "'12/03/84' is not a date: write it as 1984-03-12 or 12/03/1984."),
        ("2026-11-01", "The birth date 2026-11-01 is in the future: today is 2026-10-31."),
        ("1899-12-31", "The birth date 1899-12-31 is before 1900: check the year."),
    ],
)
def test_birth_dates_that_cannot_be(written: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_birth_date(written, date(2026, 10, 31))
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    ("country", "good", "bad"),
    [
        (SPAIN, ["44999", "01001", "52080"], ["53000", "4499", "00100"]),
        (ARGENTINA, ["S2999", "2999", "C1425DKA"], ["29", "SS2999"]),
    ],
)
def test_postcodes(country: Jurisdiction, good: list[str], bad: list[str]) -> None:
    assert [country.parse_postcode(code, "postcode") for code in good] == good
    for code in bad:
        with pytest.raises(Invalid, match="is not a postcode"):
            country.parse_postcode(code, "postcode")


def powers(*kilowatts: float) -> tuple[tuple[str, int], ...]:
    return tuple((f"P{number}", round(value * 1000)) for number, value in enumerate(kilowatts, start=1))


@pytest.mark.parametrize(
    ("tariff", "given"),
    [
        ("2.0TD", powers(4.6, 4.6)),
        ("2.0TD", powers(5.5, 2.1)),
        ("2.0TD", powers(3.45, 3.45)),
        ("2.0TD", powers(15, 15)),
        ("3.0TD", powers(10, 10, 10, 10, 10, 15.1)),
        ("3.0TD", powers(20, 20, 20, 25, 25, 60)),
        ("6.1TD", powers(100, 100, 110, 110, 110, 451)),
    ],
)
def test_powers_a_tariff_accepts(tariff: str, given: tuple[tuple[str, int], ...]) -> None:
    SPAIN.check_contract("electricity", tariff, given)


@pytest.mark.parametrize(
    ("tariff", "given", "sentence"),
    [
        ("2.0TD", powers(15.1, 4.6), "2.0TD allows at most 15 kW in every period; P1 has 15.1 kW."),
        ("2.0TD", powers(4.6), "2.0TD needs a power in P1, P2; P2 is empty."),
        ("2.0TD", powers(4.65, 4.6), "P1 has 4.65 kW; up to 15 kW power goes in steps of 0.1 kW, "
         "or is one of the old normalised powers such as 3.45 kW."),
        ("2.0TD", powers(4.6, 4.6, 4.6), "2.0TD has 2 power periods; P3 must be empty."),
        ("3.0TD", powers(20, 19, 20, 20, 20, 20), "3.0TD needs P2 to be at least P1; they are 19 kW and 20 kW."),
        ("3.0TD", powers(10, 10, 10, 10, 10, 15), "3.0TD is for more than 15 kW in some period; "
         "the highest is 15 kW: the tariff is 2.0TD."),
        ("2.1A", powers(4.6, 4.6), "Tariff '2.1A' is unknown: choose one of 2.0TD, 3.0TD, 6.1TD, 6.2TD, 6.3TD, 6.4TD."),
    ],
)  # fmt: skip
def test_powers_a_tariff_refuses(tariff: str, given: tuple[tuple[str, int], ...], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        SPAIN.check_contract("electricity", tariff, given)
    assert refused.value.message == sentence


def test_the_canary_islands_keep_their_own_time() -> None:
    assert SPAIN.time_zone_of("canarias") == "Atlantic/Canary"
    assert SPAIN.time_zone_of("peninsula") == "Europe/Madrid"
    with pytest.raises(Invalid, match="Zone 'madeira' is unknown"):
        SPAIN.time_zone_of("madeira")
    assert ARGENTINA.time_zone_of("lagunita") == "America/Argentina/Buenos_Aires"
