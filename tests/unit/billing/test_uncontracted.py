"""Days of a period on which a connected service has no contract hold its bill, with what to do about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.billing.domain.planning import HeldBill
from services.billing.domain.review import RELEASABLE
from services.billing.domain.supplies import Contract, Supply
from services.billing.domain.uncontracted import DAYS_WITHOUT_CONTRACT, check_contracts
from tests.unit.billing.examples import OCTOBER, spanish_supply

FOURTH, TENTH, FIFTEENTH = (date(2026, 10, day) for day in (4, 10, 15))


def supply(*spans: tuple[date, date | None], **service: Any) -> Supply:
    home = spanish_supply()
    (kept,) = home.services
    contracts = tuple(
        replace(kept.contracts[0], id=f"c-{number}", number=f"E-{number}", start=start, end=end)
        for number, (start, end) in enumerate(spans, start=1)
    )
    return replace(home, services=(replace(kept, contracts=contracts, **service),))


LONG_AGO = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("home", "days"),
    [
        (supply((LONG_AGO, TENTH), (FIFTEENTH, None)), "2026-10-10 to 2026-10-15"),
        (supply((LONG_AGO, FIFTEENTH)), "2026-10-15 to 2026-11-01"),
        (supply((TENTH, None), billing_from=FOURTH), "2026-10-04 to 2026-10-10"),
        (supply((TENTH, None), billing_from=LONG_AGO), "2026-10-01 to 2026-10-10"),
        (supply((LONG_AGO, date(2026, 9, 20)), (TENTH, None)), "2026-10-01 to 2026-10-10"),
    ],
)
def test_days_that_nobody_would_pay_hold_the_bill(home: Supply, days: str) -> None:
    with pytest.raises(
        HeldBill, match=rf"has no contract from {days} \(excluded\).*enter the contract of those days"
    ) as held:
        check_contracts(home, OCTOBER)
    assert held.value.reason == DAYS_WITHOUT_CONTRACT in RELEASABLE


@pytest.mark.parametrize(
    "home",
    [
        supply((LONG_AGO, None)),
        supply((LONG_AGO, TENTH), (TENTH, None)),
        supply((TENTH, None)),  # billing begins with its first contract
        supply((TENTH, None), billing_from=TENTH),
        supply((LONG_AGO, FIFTEENTH), state="ended"),
        supply((LONG_AGO, TENTH), (FIFTEENTH, None), state="disconnected"),
        supply((LONG_AGO, date(2026, 10, 1))),  # no contract in the period at all: nobody is billed
        supply((LONG_AGO, date(2026, 11, 1))),
    ],
)
def test_days_outside_the_service_hold_nothing(home: Supply) -> None:
    check_contracts(home, OCTOBER)


def test_the_contract_told_is_one_of_the_period() -> None:
    home = supply((LONG_AGO, date(2026, 9, 1)), (FOURTH, TENTH))
    with pytest.raises(HeldBill) as held:
        check_contracts(home, OCTOBER)
    contracts: tuple[Contract, ...] = home.services[0].contracts
    assert held.value.contract_id == contracts[1].id
