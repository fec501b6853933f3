"""Codes as people type them, and what they get wrong."""

from datetime import date

import pytest

from services.chassis.errors import Invalid, Refused
from services.supplies.domain.invitations import (
    ALPHABET,
    InvitationRules,
    new_code,
    printed,
    read_code,
    rules_of,
)


def test_a_code_is_read_as_people_type_it() -> None:
    for typed in ("7K3M-9QXF", "7k3m9qxf", " 7K3M 9QXF\n", "7k3m – 9qxf"):
        assert read_code(typed) == "7K3M9QXF"


def test_letters_that_look_like_digits_are_those_digits() -> None:
    code = next(found for found in iter(new_code, "") if {"0", "1"} <= set(found))
    assert read_code(code.replace("0", "O").replace("1", "I").lower()) == code
    assert read_code(code.replace("0", "o").replace("1", "l")) == code


def test_one_wrong_symbol_and_two_that_changed_places_are_found() -> None:
    code = new_code()
    assert read_code(printed(code)) == code
    wrong = {code[:place] + symbol + code[place + 1 :] for place in range(8) for symbol in ALPHABET} - {code}
    swapped = {code[:place] + code[place + 1] + code[place] + code[place + 2 :] for place in range(7)} - {code}
    for typed in wrong | swapped:
        with pytest.raises(Invalid, match="misspelt") as refused:
            read_code(typed)
        assert refused.value.reason == "INVITATION_MISSPELT"


@pytest.mark.parametrize("typed", ["", "7K3M", "7K3M-9QXF-2", "7K3M-9QX!", "7K3M-9QXU", "ñ" * 400])
def test_what_is_no_code_says_what_one_is(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_code(typed)
    assert refused.value.reason == "INVITATION_MISSPELT"
    assert len(refused.value.message) < 200


def test_codes_cannot_be_told_from_each_other() -> None:
    assert len({new_code() for _ in range(500)}) == 500


def test_a_code_is_for_contracts_that_began_lately() -> None:
    rules = InvitationRules(100_000, 60)
    rules.check_new(date(2026, 1, 1), date(2026, 3, 2))
    rules.check_new(date(2026, 5, 1), date(2026, 3, 2))
    with pytest.raises(Refused, match=r"2026-01-01.*60 days"):
        rules.check_new(date(2026, 1, 1), date(2026, 3, 3))


def test_the_profile_says_what_is_given() -> None:
    assert rules_of({}) is None
    assert rules_of({"kwh": 100, "days": 60}) == InvitationRules(100_000, 60)
    for wrong in ({"kwh": 0, "days": 60}, {"kwh": "100", "days": 60}, {"kwh": 100}, {"kwh": 100, "days": 1000}):
        with pytest.raises(Invalid, match="whole number"):
            rules_of(wrong)
