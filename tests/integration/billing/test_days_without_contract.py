"""A bill whose period has days that nobody would pay waits for the office; the others of its run do not."""

from __future__ import annotations

import pytest

from services.billing.application.reviews import Reviews
from tests.support.billing import Office, contract_message, member_message, supply_message

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_gap_between_two_contracts_is_held_until_the_office_lets_it_go(office: Office) -> None:
    office.add_supplies(2)
    before = contract_message("g", **{"from": "2020-01-01", "to": "2026-10-10"})
    after = contract_message("h", **{"from": "2026-10-15"})
    office.tell(member_message("g"), supply_message("g", before, after, account="9/1"))
    state = office.bill()
    (held,) = state.held
    assert (held.account_number, held.reason, state.run.invoiced) == ("9/1", "DAYS_WITHOUT_CONTRACT", 2)
    assert "has no contract from 2026-10-10 to 2026-10-15 (excluded)" in held.explanation
    why = "Nobody lived there between the two holders: the meter was sealed"
    Reviews(office.database).release(office.key(), "staff:office", "9/1", "2026-10", why)
    after_it = office.bill()
    assert (after_it.held, after_it.run.invoiced, after_it.run.already_invoiced) == ((), 1, 2)


def test_the_contract_of_the_missing_days_settles_it_as_well(office: Office) -> None:
    before = contract_message("g", **{"from": "2020-01-01", "to": "2026-10-10"})
    office.tell(member_message("g"), supply_message("g", before, account="9/1"))
    assert [held.reason for held in office.bill().held] == ["DAYS_WITHOUT_CONTRACT"]
    after = contract_message("h", **{"from": "2026-10-10"})
    office.tell(supply_message("g", before, after, account="9/1", version=2))
    state = office.bill()
    assert (state.held, state.run.invoiced) == ((), 1)
