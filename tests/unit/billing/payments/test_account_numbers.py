"""IBAN, creditor identifiers, CBU and aliases: the good ones, and a sentence for each way of being wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.payments.cbu import is_cvu, parse_alias, parse_cbu
from services.billing.domain.payments.iban import (
    creditor_id_of,
    masked_iban,
    parse_creditor_id,
    parse_iban,
    spanish_iban,
)
from services.chassis.errors import Invalid

IBANS = ("ES9121000418450200051332", "ES7921000813610123456789", "DE89370400440532013000")


@pytest.mark.parametrize("iban", IBANS)
def test_good_ibans_in_any_spelling(iban: str) -> None:
    spaced = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4)).lower()
    assert parse_iban(iban) == parse_iban(spaced) == parse_iban(f" {iban[:4]}-{iban[4:]}\n") == iban
    assert parse_iban(iban, sepa=True) == iban


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("ES912100041845020005133", "23 characters; a Spanish IBAN has 24"),
        ("ES9221000418450200051332", "check digits 92"),
        ("ES912100041845020005133O", "letters after ES"),
        ("ES1021000418450200051332", "check digits 10"),
        ("2100 0418 4502 0005 1332", "not an IBAN"),
        ("ÑS9121000418450200051332", "not an IBAN"),
        ("ES٩١21000418450200051332", "not an IBAN"),
        ("DE8937040044053201300", "check digits|form"),
        ("XX" + "9" * 40, "at most 30"),
    ],
)
def test_wrong_ibans(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as wrong:
        parse_iban(text, "debtor_iban")
    assert wrong.value.violations[0].field == "debtor_iban"


def test_the_control_digits_inside_a_spanish_iban_count() -> None:
    # Modulo 97 fits, the CCC does not.
    with pytest.raises(Invalid, match="control digits"):
        parse_iban("ES4821000418410200051332")


def test_a_direct_debit_reaches_sepa_only() -> None:
    brazil = "BR1800360305000010009795493C1"
    assert parse_iban(brazil) == brazil
    with pytest.raises(Invalid, match="do not reach"):
        parse_iban(brazil, sepa=True)


@given(st.sampled_from(IBANS), st.integers(2, 20), st.characters(codec="ascii", categories=["Nd"]))
def test_no_iban_with_another_digit_passes(iban: str, place: int, digit: str) -> None:
    other = iban[:place] + digit + iban[place + 1 :]
    if other != iban:
        with pytest.raises(Invalid):
            parse_iban(other)


def test_the_iban_of_a_statement_and_how_little_is_shown() -> None:
    assert spanish_iban("2100", "0418", "0200051332") == "ES9121000418450200051332"
    with pytest.raises(Invalid):
        spanish_iban("210", "00418", "0200051332")
    assert masked_iban("ES9121000418450200051332") == "ES" + "*" * 18 + "1332"


def test_creditor_identifiers() -> None:
    assert parse_creditor_id("es90 zzz f12345674") == "ES90ZZZF12345674" == creditor_id_of("F-12345674")
    assert parse_creditor_id("ES23ZZZ47690558N") == creditor_id_of("47690558N")
    assert parse_creditor_id("ES90001F12345674") == creditor_id_of("F12345674", "001")  # the business does not count
    with pytest.raises(Invalid, match="asks for 90"):
        parse_creditor_id("ES91ZZZF12345674")
    for text in ("", "F12345674", "ES90ZZZ", "ES90ZZZÑ12345674"):
        with pytest.raises(Invalid, match="not a creditor identifier"):
            parse_creditor_id(text)


def test_cbu() -> None:
    good = "2850590940090418135201"
    assert parse_cbu("28505909 40090418135201") == good
    assert not is_cvu(good) and is_cvu("0000003100010000000001")
    for text, sentence in (
        ("", "empty"),
        ("285059094009041813520", "21 digits"),
        ("28505909400904181352O1", "other things than digits"),
        ("2810590940090418135201", "bank and branch"),
        ("2850590940090418135202", "account"),
    ):
        with pytest.raises(Invalid, match=sentence):
            parse_cbu(text)


def test_aliases() -> None:
    assert parse_alias(" Luz.Coop.Norte ") == "luz.coop.norte"
    for text in ("", "corto", "a" * 21, "con espacio", "año.luz.sol"):
        with pytest.raises(Invalid, match="not an alias"):
            parse_alias(text)
