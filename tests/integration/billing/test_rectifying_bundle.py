"""The bundle of a rectifying invoice, calculated again by the second implementation to the cent."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from services.billing.evidence.basis import bases_of
from services.billing.repository import evidence
from services.chassis.errors import Refused
from services.staff.verify.check import verify
from services.staff.verify.numbers import Unverifiable
from tests.integration.billing.test_rectifying import (
    LESS,
    MORE,
    OCTOBER,
    SUPPLY,
    approve,
    billed,
    debt,
    proposal,
    rectify,
)
from tests.support.billing import STAFF, Office, contract_message, supply_message

__all__ = ["billed"]


def bundle_of(office: Office, number: str) -> dict[str, Any]:
    """Once through JSON, as a file would be."""
    found: dict[str, Any] = json.loads(json.dumps(office.invoices.bundle(STAFF, number)[1]))
    return found


def check(bundle: dict[str, Any]) -> None:
    verdict = verify(bundle)
    assert verdict.differences == ()
    assert verdict.calculated_total == verdict.printed_total == D(bundle["invoice"]["total"])


def test_too_much_with_its_interest_holds_and_says_its_rows(billed: Office) -> None:
    """Paid in two parts, both before it was found: each has interest from its own day."""
    billed.pay("E-2026-000001", str(debt(billed).overdue), paid_on="2026-11-01")
    billed.pay(OCTOBER, "52.00", paid_on="2026-11-02")
    billed.pay(OCTOBER, "3.44", paid_on="2026-11-12")
    correction = proposal(billed)
    billed.clock.advance(timedelta(days=200))
    approve(billed, correction, legal_interest="3.25")
    bundle = bundle_of(billed, "R-2027-000001")
    check(bundle)
    said = bundle["rectification"]
    assert (said["number"], said["method"], said["before"]["invoice"]["number"]) == (OCTOBER, "I", OCTOBER)
    assert D(said["interest"]) > 0
    assert [row["interest_points"] for row in said["law"]["regularisation"]] == ["1.5"]
    assert all(basis.rows for found in bases_of(bundle) for basis in found)


def test_a_payment_that_went_back_to_the_payer_has_no_interest(billed: Office) -> None:
    billed.pay(OCTOBER, "55.44", paid_on="2026-11-02")
    correction = proposal(billed)
    billed.clock.advance(timedelta(days=200))
    approve(billed, correction, legal_interest="3.25")
    bundle = bundle_of(billed, "R-2027-000001")
    payments = bundle["rectification"]["payments"]
    # Of two payments one went back, and a part of another that the third one made up for.
    bundle["rectification"]["payments"] = [
        ["2026-10-30", "60.00"],
        ["2026-10-31", "-60.00"],
        ["2026-11-02", "55.44"],
        ["2026-11-03", "7.00"],
        ["2026-11-04", "-7.00"],
    ]
    assert payments == [["2026-11-02", "55.44"]]
    check(bundle)


def test_too_little_with_its_instalments_and_credit_holds(billed: Office) -> None:
    billed.pay(OCTOBER, str(debt(billed).overdue + D("55.44") + D("1.10")))
    approve(billed, proposal(billed, MORE))
    bundle = bundle_of(billed, "R-2026-000001")
    check(bundle)
    assert bundle["rectification"]["credit_used"] == "1.10"
    assert len(bundle["rectification"]["instalments"]) == 2


def test_each_further_rectification_begins_where_the_last_one_ended(billed: Office) -> None:
    billed.energy.usual = LESS
    rectify(billed)
    billed.energy.usual = MORE
    rectify(billed, method="S")
    contract = contract_message(SUPPLY, meter_rental="three_phase")
    billed.tell(supply_message(SUPPLY, contract, account="1/1", version=2))
    rectify(billed)
    bundles = [bundle_of(billed, f"R-2026-00000{number}") for number in (1, 2, 3)]
    for bundle in bundles:
        check(bundle)
    assert [each["rectification"]["before"]["invoice"]["number"] for each in bundles] == [
        OCTOBER,
        "R-2026-000001",
        "R-2026-000002",
    ]
    assert bundles[1]["rectification"]["method"] == "S"


def figures(item: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a bundle has amounts of money: each is printed, or decides what is."""
    if isinstance(item, dict):
        for name, value in item.items():
            if name in ("amount", "base", "total", "interest", "credit_used") and isinstance(value, str):
                yield (*path, name)
            elif name == "instalments":
                yield from ((*path, name, at, 1) for at in range(len(value)))
            elif name not in ("tables", "law", "concepts"):
                yield from figures(value, (*path, name))
    if isinstance(item, list):
        for at, value in enumerate(item):
            yield from figures(value, (*path, at))


def test_any_digit_of_any_amount_that_is_another_is_found(billed: Office) -> None:
    approve(billed, proposal(billed, MORE))
    bundle = bundle_of(billed, "R-2026-000001")
    check(bundle)
    places = list(figures(bundle))
    assert len(places) > 30
    for turn, path in enumerate(places):
        changed = copy.deepcopy(bundle)
        *way, last = path
        inner: Any = changed
        for step in way:
            inner = inner[step]
        digits = [at for at, letter in enumerate(inner[last]) if letter.isdigit()]
        for at in digits:
            other = str((int(inner[last][at]) + 1 + turn % 9) % 10)
            was, inner[last] = inner[last], inner[last][:at] + other + inner[last][at + 1 :]
            try:
                assert other == was[at] or not verify(changed).holds, (path, was, inner[last])
            except Unverifiable as refused:
                assert str(refused)
            inner[last] = was


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b: b["segments"][0]["energy"]["P1"].update(import_wh=83_000), "Corrected: electricity energy P1"),
        (
            lambda b: b["rectification"]["before"]["segments"][0]["energy"]["P1"].update(import_wh=61_000),
            "Before, E-2026-000002: electricity energy P1",
        ),
        (lambda b: b["rectification"]["instalments"].pop(), "instalments"),
        (lambda b: b["rectification"].update(instalments=[]), "no instalment"),
        (lambda b: b["rectification"].update(found_on="2027-12-01"), "more than 12 months"),
        (lambda b: b["rectification"].update(first_wrong="2026-11-01"), "at most 1"),
        (lambda b: b["invoice"].update(to="2026-11-02"), "It rectifies a period"),
        (lambda b: b["invoice"]["lines"].pop(0), "the difference is"),
        (lambda b: b["invoice"]["lines"][0].update(unit_price="0.1960001"), "and 0.1960001 on the invoice"),
    ],
)
def test_whatever_is_changed_is_found(billed: Office, change: Any, said: str) -> None:
    approve(billed, proposal(billed, MORE))
    bundle = bundle_of(billed, "R-2026-000001")
    change(bundle)
    assert any(said in difference for difference in verify(bundle).differences), verify(bundle).differences


def test_without_the_facts_of_what_stood_before_there_is_none(billed: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice of before facts were kept, rectified afterwards."""
    row = approve(billed, proposal(billed)).correction.rectifying_id
    kept = evidence.of_invoice
    monkeypatch.setattr(evidence, "of_invoice", lambda connection, one: kept(connection, one) if one == row else None)
    with pytest.raises(Refused, match=f"{OCTOBER} was issued before"):
        billed.invoices.bundle(STAFF, "R-2026-000001")
