"""The copy of members, supplies and access that billing keeps from events."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from services.billing import tables
from services.billing.repository import read_model
from services.billing.snapshots import supply_from_message, supply_of, supply_state
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from tests.support.billing import Office, access, contract_message, member_message, no_access, supply_message


def test_an_older_version_that_comes_late_changes_nothing(office: Office) -> None:
    office.tell(member_message("a", version=2, name="New"), member_message("a", version=1, name="Old"))
    office.tell(supply_message("a", version=5, account="2/2"), supply_message("a", version=4, account="1/1"))
    with office.database.read() as connection:
        assert read_model.members(connection, ["a-member"])["a-member"].name == "New"
        known = read_model.known_supply(connection, "a")
    assert known is not None and known.account_number == "2/2"
    office.tell(member_message("a", version=3, name="Newest"))
    with office.database.read() as connection:
        assert read_model.members(connection, ["a-member"])["a-member"].name == "Newest"


def test_a_supply_survives_the_way_into_the_database_and_back() -> None:
    message = supply_message("a", contract_message("a", to="2026-11-01"), contract_message("b"), water=True).supply
    supply = supply_from_message(message)
    assert supply_of(supply_state(supply)) == supply
    assert supply.services[0].contracts[0].powers == (("P1", 4600), ("P2", 4600))
    assert supply.services[0].meters[0].serial == "CIR4621247027"
    assert {service.kind for service in supply.services} == {"electricity", "water"}


@pytest.mark.parametrize(
    ("start", "end", "billing_from", "months"),
    [
        ("2026-10-01", "", "", ["2026-10", "2026-11"]),
        ("2026-09-30", "2026-10-01", "", ["2026-09"]),
        ("2026-10-31", "2026-11-01", "", ["2026-10"]),
        ("2026-09-01", "", "2026-11-15", ["2026-11"]),
    ],
)
def test_months_that_concern_a_supply(
    office: Office, start: str, end: str, billing_from: str, months: list[str]
) -> None:
    message = supply_message("a", contract_message("a", **{"from": start, "to": end}))
    message.supply.services[0].billing_from = billing_from
    office.tell(message)
    with office.database.read() as connection:
        found = [
            month
            for month in ("2026-08", "2026-09", "2026-10", "2026-11")
            if read_model.to_bill(connection, DatePeriod.month(month))
        ]
    assert found == months


def test_a_supply_without_contracts_is_never_billed(office: Office) -> None:
    message = supply_message("a")
    del message.supply.services[0].contracts[:]
    office.tell(message)
    with office.database.read() as connection:
        row = connection.execute(select(tables.supply)).one()
        assert (row.billable_from, row.billable_to) == (None, None)
        assert read_model.to_bill(connection, DatePeriod.month("2026-10")) == []


@pytest.mark.parametrize("change", [{"from": ""}, {"from": "01/01/2020"}, {"to": "2026-02-30"}])
def test_a_contract_with_a_date_that_is_none_is_refused_by_name(office: Office, change: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=r"no first day|not a date"):
        office.tell(supply_message("a", contract_message("a", **change)))


def test_access_is_kept_by_account_and_supply(office: Office) -> None:
    office.tell(access("x", "a"), access("x", "a"), access("x", "b"), no_access("x", "a"), no_access("y", "a"))
    with office.database.read() as connection:
        assert not read_model.may_read(connection, "x", "a")
        assert read_model.may_read(connection, "x", "b")
        assert not read_model.may_read(connection, "y", "b")


def test_contract_days_are_those_of_the_local_calendar() -> None:
    supply = supply_from_message(supply_message("a").supply)
    assert supply.billable_span() == (date(2020, 1, 1), None)
