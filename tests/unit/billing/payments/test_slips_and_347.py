"""The slip of CSB 57 and the yearly statement of third persons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.payments.csb57 import (
    barcode_text,
    check_digits,
    coded,
    issuer_of,
    read_slip,
    slip_code,
    slip_reference,
)
from services.billing.domain.payments.model347 import Operation, YearOfPerson, can_be_asked_on, year_of_persons
from services.chassis.errors import Invalid


def test_check_digits_and_codes() -> None:
    assert check_digits("01234567", "023", "12345678901", "123456", 654321) == "74"
    assert slip_code("22350466", "501", "15", date(2015, 8, 30), 5398) == (
        "9050722350466501000000000156830081500000053980"
    )
    code = slip_code(issuer_of("F12345674"), "501", slip_reference(2026, 123), date(2026, 12, 15), 5544)
    assert code == "9050712345674501202600001230215122600000055440"
    assert barcode_text(code) == "(90) 507 12345674 501 20260000123 02 151226 0000005544 0"
    assert read_slip(barcode_text(code)) == ("20260000123", 5544)


@given(st.integers(0, 10**7 - 1), st.integers(1, 10**10 - 1), st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_slip_is_46_digits_that_read_back(sequence: int, cents: int, due: date) -> None:
    code = slip_code("12345674", "501", slip_reference(2026, sequence), due, cents)
    assert len(code) == 46 and read_slip(code) == (slip_reference(2026, sequence), cents)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        (("1234567", "023", "1", "123456", 1), "issuer"),
        (("12345674", "23", "1", "123456", 1), "suffix"),
        (("12345674", "023", "123456789012", "123456", 1), "reference"),
        (("12345674", "023", "A1", "123456", 1), "reference"),
        (("12345674", "023", "1", "1234567", 1), "identification"),
        (("12345674", "023", "1", "123456", 0), "amount"),
        (("12345674", "023", "1", "123456", 10**10), "amount"),
    ],
)
def test_what_does_not_fit_on_a_slip(parts: tuple[str, str, str, str, int], field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        coded(*parts)
    assert wrong.value.violations[0].field == field


def test_a_due_date_needs_a_high_suffix_and_a_mistyped_slip_is_said() -> None:
    with pytest.raises(Invalid, match="cannot carry a due date"):
        slip_code("12345674", "499", "15", date(2026, 12, 15), 5544)
    with pytest.raises(Invalid, match="must be 02"):
        read_slip("9050712345674501202600001230315122600000055440")
    with pytest.raises(Invalid, match="46 digits"):
        read_slip("90507")
    with pytest.raises(Invalid, match="ask the bank"):
        issuer_of("P1234567D")


def one(*amounts: str) -> YearOfPerson:
    days = (date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1), date(2026, 12, 31))
    operations = [Operation("F12345674", day, D(amount)) for day, amount in zip(days, amounts, strict=True)]
    (found,) = year_of_persons(2026, [*operations, Operation("F12345674", date(2025, 12, 31), D(9999))])
    return found


def test_the_limit_of_form_347() -> None:
    at, above = one("1200", "900", "500", "405.06"), one("1200", "900", "500", "405.07")
    assert at.quarters == (D(1200), D(900), D(500), D("405.06")) and at.total == D("3005.06") and not at.declared
    assert above.total == D("3005.07") and above.declared
    assert not one("4000", "-994.94", "0", "0").declared  # a rectifying invoice brought it back to the limit


def test_when_the_amounts_can_be_asked_for() -> None:
    assert [can_be_asked_on(2027, day) for day in (date(2028, 1, 1), date(2028, 2, 29))] == [True, True]
    assert [can_be_asked_on(2027, day) for day in (date(2027, 12, 31), date(2028, 3, 1))] == [False, False]
