"""What the calendar would bill is put to the office once, and billed by nobody but the office."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from coop.billing.events.v1.events_pb2 import BillRunProposed, InvoiceIssued

from services.billing.application.bill_proposals import BillProposals
from services.billing.repository.bill_proposals import Proposal
from services.chassis.errors import Refused
from tests.support.billing import Office, in_threads, measured


def propose(office: Office, period: str = "") -> list[Proposal]:
    desk = BillProposals(office.database, office.rules, office.runs)
    return [each for each in desk.propose(office.key(), "staff:robot", period) if isinstance(each, Proposal)]


def told(office: Office) -> list[BillRunProposed]:
    return office.events(BillRunProposed)


def test_a_month_is_proposed_once_until_its_run_takes_it_up(office: Office) -> None:
    names = office.add_supplies(3)
    office.energy.of[f"{names[2]}-light"] = measured(missing=600)
    made: list[Proposal] = []
    in_threads(6, lambda _number: made.extend(propose(office)))
    assert len({each.id for each in made}) == 1, "racing calendars make one proposal"
    first = made[0]
    assert (first.period, first.state, first.contracts, first.would_invoice, first.held_count) == (
        "2026-10",
        "waiting",
        3,
        2,
        1,
    )
    assert first.total == D("110.88") and first.proposed_by == "staff:robot"
    assert office.events(InvoiceIssued) == [], "nothing is billed"
    (event,) = told(office)
    assert (event.period, event.would_invoice, event.total.amount) == ("2026-10", 2, "110.88")
    assert [(each.reason, each.contracts) for each in event.held] == list(first.held)
    office.energy.of.clear()
    office.clock.advance(timedelta(days=1))
    (again,) = propose(office)
    assert (again.id, again.would_invoice, again.held) == (first.id, 3, ()), "the figures are those of now"
    assert again.looked_at - again.proposed_at == timedelta(days=1)
    assert len(told(office)) == 1, "the office is told once"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_run_left_out_is_proposed_again_when_it_can_be_invoiced(office: Office) -> None:
    names = office.add_supplies(2)
    office.energy.of[f"{names[1]}-light"] = measured(missing=600)
    office.bill("2026-09", "2026-10-02")
    assert [each.period for each in propose(office)] == ["2026-10"], "all that September left out is still held"
    office.bill("2026-10", "2026-11-02")
    assert propose(office) == []
    desk = BillProposals(office.database, office.rules, office.runs)
    assert [(each.period, each.state) for each in desk.page("", 10)] == [("2026-10", "taken_up")]
    office.energy.of.clear()
    rest = propose(office)
    assert [(each.period, each.would_invoice, each.already_invoiced) for each in rest] == [
        ("2026-09", 1, 1),
        ("2026-10", 1, 1),
    ]
    assert [event.period for event in told(office)] == ["2026-10", "2026-09", "2026-10"]
    with pytest.raises(Refused, match="cannot be billed on"):
        propose(office, "2026-11")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_under_way_is_left_alone(office: Office) -> None:
    office.add_supplies(1)
    office.start("2026-10")
    assert propose(office) == []
    with pytest.raises(Refused, match="under way"):
        propose(office, "2026-10")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_month_never_run_is_proposed_although_all_of_it_is_held(office: Office) -> None:
    assert propose(office) == [], "without contracts there is nothing to say"
    (name,) = office.add_supplies(1)
    office.energy.of[f"{name}-light"] = measured(missing=600)
    (found,) = propose(office)
    assert (found.would_invoice, found.held_count, found.total) == (0, 1, D(0))
