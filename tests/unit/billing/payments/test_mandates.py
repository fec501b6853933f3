"""Which account an invoice is collected from, which mandates still stand, and what a remittance takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from services.billing.domain.payments.collecting import Candidate, Chosen, Excluded, decide
from services.billing.domain.payments.mandates import DebitAccount, Mandate, Terms, next_reference, short_iban, terms_of
from services.billing.domain.payments.return_files import read_returns
from services.billing.domain.payments.sepa import Creditor
from services.chassis.errors import Invalid

OLD, NEW = "ES7921000813610123456789", "ES9121000418450200051332"
TERMS = Terms(Creditor("Vallesol", NEW, "ES90ZZZF12345674"))
MANDATE = Mandate(
    "m", "ES0575000000000877HA-1", "s", "p", date(2025, 1, 1), (DebitAccount(1, OLD, "Ana", date(2025, 1, 1)),)
)
ITEM = Candidate("i", "2026A000123", "p", date(2026, 12, 3), Decimal("55.44"), MANDATE)
DAY = date(2026, 12, 23)
MADE = datetime(2026, 12, 3, 9, tzinfo=UTC)


def told(day: date) -> Mandate:
    return replace(MANDATE, accounts=(*MANDATE.accounts, DebitAccount(2, NEW, "Ana", day)))


def account(mandate: Mandate, dead: frozenset[str] = frozenset()) -> str | None:
    found = mandate.account_for(date(2026, 12, 3), dead, 21)
    return found.iban if found else None


def test_an_account_told_until_12_november_holds_for_the_invoice_of_3_december() -> None:
    assert account(told(date(2026, 11, 12))) == NEW
    assert account(told(date(2026, 11, 13))) == OLD


def test_an_account_told_for_one_that_a_bank_refuses_holds_at_once() -> None:
    assert account(told(date(2026, 12, 1)), frozenset({OLD})) == NEW
    assert account(told(date(2026, 11, 12)), frozenset({NEW})) is None
    assert account(MANDATE, frozenset({OLD})) is None


def test_a_mandate_lapses_36_months_after_its_last_use() -> None:
    used = replace(MANDATE, last_collected_on=date(2025, 11, 24))
    assert (used.state_on(date(2028, 11, 23)), used.state_on(date(2028, 11, 24))) == ("active", "lapsed")
    assert replace(used, cancelled_on=date(2026, 1, 1)).state_on(date(2026, 1, 1)) == "cancelled"


def chosen(item: Candidate, day: date = DAY, decided: bool = False) -> Chosen | Excluded:
    return decide(item, day, TERMS, decided)


@pytest.mark.parametrize(
    "change,code",
    [
        ({}, ""),
        ({"open_in": "R1"}, "in_remittance"),
        ({"disputed": True}, "disputed"),
        ({"member_id": "heir"}, "other_holder"),
        ({"mandate": replace(MANDATE, cancelled_on=date(2026, 12, 1))}, "cancelled"),
        ({"mandate": replace(MANDATE, signed_on=date(2023, 12, 23))}, "lapsed"),
        ({"mandate": replace(MANDATE, signed_on=date(2026, 12, 24))}, "signed_later"),
        ({"mandate": replace(MANDATE, accounts=(DebitAccount(1, OLD, "Ana", date(2026, 11, 13)),))}, "account_change"),
        ({"dead": frozenset({OLD})}, "account_wrong"),
        ({"issued_on": DAY - timedelta(days=13)}, "notice"),
        ({"issued_on": DAY - timedelta(days=14)}, ""),
        ({"issued_at": MADE}, ""),
        ({"issued_at": MADE, "mandate": replace(MANDATE, recorded_at=MADE)}, ""),
        ({"issued_at": MADE, "mandate": replace(MANDATE, recorded_at=MADE + timedelta(hours=1))}, "no_notice"),
        ({"returned": ("AM04",)}, ""),
        ({"returned": ("MS02",)}, "returned"),
        ({"returned": ("AM04", "AM04")}, "returned"),
    ],
)
def test_what_is_left_out(change: dict[str, object], code: str) -> None:
    outcome = chosen(replace(ITEM, **change))
    assert (outcome.code if isinstance(outcome, Excluded) else "") == code


def test_a_person_may_present_it_again_and_each_time_has_its_own_reference() -> None:
    item = replace(ITEM, returned=("AM04", "MD06"), attempts=2)
    assert isinstance(chosen(item), Excluded) and isinstance(chosen(item, decided=True), Chosen)
    assert (ITEM.end_to_end, item.end_to_end) == ("2026A000123", "2026A000123-3")


def test_the_bank_is_told_of_another_account_than_the_last() -> None:
    for last, amended in (("", False), (OLD, False), (NEW, True)):
        outcome = chosen(replace(ITEM, mandate=replace(MANDATE, last_iban=last)))
        assert isinstance(outcome, Chosen) and outcome.amended is amended


def test_references_are_never_given_twice() -> None:
    assert next_reference("5555-1", ["5555-1-2", "5555-1-9", "5555-10-11"]) == "5555-1-10"
    with pytest.raises(Invalid, match="banks take 35"):
        next_reference("x" * 34, [])
    assert short_iban(OLD) == "ES79 **** 6789"


@pytest.mark.parametrize(
    "section,sentence",
    [
        ({"creditor_id": "ES91ZZZF12345674"}, "check digits"),
        ({"creditor_id": "ES90ZZZF12345674", "iban": "ES00"}, "IBAN"),
        ({"creditor_id": "ES90ZZZF12345674", "notice_days": 0}, "notice_days is 0; give 1 to 90 days"),
    ],
)
def test_a_profile_that_says_nonsense_is_refused(section: dict[str, object], sentence: str) -> None:
    assert terms_of({}, "Vallesol", NEW) is None
    with pytest.raises(Invalid, match=sentence):
        terms_of(section, "Vallesol", NEW)


def test_a_file_that_is_no_return_is_refused() -> None:
    for content in (b"", b"<Document/>", b"MZ", b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"/>'):
        with pytest.raises(Invalid):
            read_returns(content)
