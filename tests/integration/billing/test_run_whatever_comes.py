"""A run whatever comes: started twice at once, beside another month's, with a contract in it that nobody can price."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import BillRunAdvanced
from coop.supplies.events.v1.events_pb2 import InvitationRedeemed
from sqlalchemy import select

from services.billing import tables
from services.billing.application.bill_runs import BillRuns
from services.billing.application.pricing import EnergyQuery, MonthPricer
from services.billing.domain.bill import Energy
from services.chassis.db import Database
from services.chassis.errors import CoopError, Invalid, NotFound, Refused, Unavailable
from tests.support.billing import Office, contract_message, in_threads, measured, member_message, supply_message


def issued(office: Office) -> list[tuple[str, date]]:
    query = select(tables.invoice.c.number, tables.invoice.c.issue_date).order_by(tables.invoice.c.sequence)
    with office.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_a_month_started_by_several_at_once_is_one_run(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path, chunk_supplies=5)
    office.add_supplies(12)
    found: list[str] = []
    in_threads(4, lambda _number: found.append(office.start().run.id))
    assert len(found) == 4 and len(set(found)) == 1
    for chunk_id in office.waiting_chunks():  # those who came later sent the same chunks out again
        office.work(chunk_id)
    run = office.runs.get(found[0]).run
    assert (run.state, run.round, run.chunks, run.chunks_done, run.invoiced) == ("completed", 1, 3, 3, 12)
    assert len(issued(office)) == 12


def test_two_months_under_way_have_one_issue_date(office: Office) -> None:
    """The run that began first may number its invoices last."""
    office.add_supplies(2)
    office.start("2026-09", "2026-11-02")
    for other in ("2026-11-01", "2026-11-04"):
        with pytest.raises(Refused, match=r"run of 2026-09 is under way with issue date 2026-11-02.* use 2026-11-02"):
            office.start("2026-10", other)
        with pytest.raises(Refused, match="is under way"):
            list(office.runs.preview("2026-10", other))
    assert list(office.runs.preview("2026-10", ""))[-1].run.invoiced == 2, "a proposal for a day to come"
    office.start("2026-10", "2026-11-02")
    for chunk_id in office.waiting_chunks():
        office.work(chunk_id)
    office.bill("2026-08", "2026-11-04")
    dates = [issue_date for _, issue_date in issued(office)]
    assert dates == sorted(dates) and len(dates) == 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_supply_between_two_contracts_is_no_contract_of_the_month(office: Office) -> None:
    office.add_supplies(1)
    ended = contract_message("g", **{"from": "2026-01-01", "to": "2026-09-01"})
    begins = contract_message("h", **{"from": "2026-11-01"})
    office.tell(member_message("g"), supply_message("g", ended, begins, account="9/1"))
    dry = list(office.runs.preview("2026-10", "2026-11-02"))[-1].run
    run = office.bill().run
    assert (dry.contracts, dry.invoiced, dry.held) == (1, 1, 0)
    assert (run.contracts, run.already_invoiced, run.invoiced, run.held) == (1, 0, 1, 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_dry_run_gives_what_an_invitation_owes_once_however_it_is_cut(database: Database, tmp_path: Path) -> None:
    """One holder, two supplies in two chunks, and 150 kWh for both: the dry run comes to what the run comes to."""
    office = Office(database, tmp_path, chunk_supplies=1)
    second = supply_message("b", account="6/1")
    second.supply.member_id = "a-member"
    office.tell(member_message("a"), supply_message("a"), second)
    office.tell(
        InvitationRedeemed(redemption_id="r", inviter_member_id="a-member", invited_member_id="z-member", wh=150_000)
    )
    office.energy.usual = measured(P1=40_000, P2=30_000, P3=30_000)
    dry = list(office.runs.preview("2026-10", "2026-11-02"))[-1].run
    run = office.bill().run
    assert (dry.invoiced, dry.total) == (run.invoiced, run.total)
    with office.database.read() as connection:
        concept = tables.invoice_line.c.concept
        given = connection.execute(select(tables.invoice_line.c.quantity).where(concept == "invitation")).scalars()
        assert sorted(given) == [D(50), D(100)]


@dataclass
class Particular:
    """An energy source that answers no question in which one of `refused` is, with the error of the first of them."""

    usual: Energy
    refused: dict[str, CoopError] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def energies(self, queries: Sequence[EnergyQuery]) -> list[Energy | None]:
        self.asked.append(len(queries))
        for query in queries:
            if query.service_id in self.refused:
                raise self.refused[query.service_id]
        return [self.usual for _ in queries]


def with_energy(office: Office, energy: Particular) -> Office:
    office.runs = BillRuns(office.database, office.rules, MonthPricer(office.database, office.rules, energy))
    return office


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_metering_refuses_of_one_supply_holds_no_other(office: Office) -> None:
    names = office.add_supplies(40)
    energy = Particular(measured())
    energy.refused = {
        f"{names[7]}-light": Invalid("queries[7]: the tariff '9.9TD' is unknown.", "UNKNOWN_TARIFF"),
        f"{names[21]}-light": NotFound("There is no such service.", "NO_SERVICE"),
    }
    state = with_energy(office, energy).bill()
    assert (state.run.state, state.run.invoiced, state.run.held) == ("completed", 38, 2)
    assert {each.account_number: each.reason for each in state.held} == {
        "8/1": "ENERGY_REFUSED",
        "22/1": "ENERGY_REFUSED",
    }
    assert f"contract C-{names[7]}: queries[7]: the tariff '9.9TD' is unknown." in state.held[1].explanation
    assert len(energy.asked) < 25, "halves, not each one"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_metering_that_does_not_answer_holds_nothing_and_is_asked_again(office: Office) -> None:
    names = office.add_supplies(3)
    energy = Particular(measured(), {f"{names[1]}-light": Unavailable("Metering does not answer.")})
    with_energy(office, energy).start()
    (chunk_id,) = office.waiting_chunks()
    with pytest.raises(Unavailable):
        office.work(chunk_id)
    assert energy.asked == [3] and issued(office) == []
    energy.refused.clear()
    office.work(chunk_id)
    assert len(issued(office)) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bill_that_nobody_foresaw_is_held_and_the_rest_is_billed(office: Office) -> None:
    """A tariff period whose energy is no number: what a release that went wrong could answer."""
    names = office.add_supplies(3)
    office.energy.of[f"{names[1]}-light"] = Energy({"P1": "many"}, 745, 745)  # type: ignore[dict-item]
    state = office.bill()
    assert (state.run.invoiced, state.run.held) == (2, 1)
    (held,) = state.held
    assert (held.account_number, held.contract_id, held.reason) == ("2/1", f"{names[1]}-contract", "NOT_PRICED")
    assert "AttributeError" in held.explanation and "Look at the contract's figures" in held.explanation
    office.energy.of.clear()
    assert office.bill().run.invoiced == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_supply_of_which_no_bill_can_be_planned_is_held_too(office: Office) -> None:
    """A kind of service that this release does not know, as a later one of its neighbours might tell."""
    office.add_supplies(3)
    mine = tables.supply.c.supply_id == "s00000"
    with office.database.write() as tx:
        known = json.dumps(tx.execute(select(tables.supply.c.state).where(mine)).scalar_one())
        unknown = json.loads(known.replace("electricity", "hydrogen"))
        tx.execute(tables.supply.update().where(mine).values(state=unknown))
    run = office.bill()
    assert (run.run.invoiced, [(each.account_number, each.reason) for each in run.held]) == (2, [("1/1", "NOT_PRICED")])


def test_each_step_of_a_run_is_told_once_however_many_do_it(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path, chunk_supplies=2)
    names = office.add_supplies(9)
    office.energy.of[f"{names[4]}-light"] = None
    run_id = office.start().run.id
    chunks = office.waiting_chunks()
    in_threads(len(chunks), lambda number: office.work(chunks[number]))
    office.work(chunks[0])
    told = sorted(office.events(BillRunAdvanced), key=lambda each: each.chunks_done)
    assert [each.chunks_done for each in told] == [0, 1, 2, 3, 4, 5]
    assert [each.completed for each in told] == [False] * 5 + [True]
    last, run = told[-1], office.runs.get(run_id).run
    assert (last.bill_run_id, last.period, last.issue_date, last.round) == (run_id, "2026-10", "2026-11-02", 1)
    assert (last.contracts, last.invoiced, last.held, last.chunks) == (9, 8, 1, 5)
    assert (D(last.total.amount), last.total.currency_code) == (run.total, "EUR")
    office.energy.of.clear()
    office.bill(issue_date="2026-11-10")
    again = office.events(BillRunAdvanced)[-2:]
    assert [(each.round, each.already_invoiced, each.invoiced, each.completed) for each in again] == [
        (2, 8, 0, False),
        (2, 8, 1, True),
    ]
