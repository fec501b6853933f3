"""A month's run: every supply once, numbers without a gap, whatever repeats, races or dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceDocumentDue, InvoiceIssued
from sqlalchemy import func, select

from services.billing import tables
from services.billing.application.fiscal_records import FiscalRecords
from services.billing.application.issuing import invoice_hash
from services.billing.repository import invoices, runs
from services.chassis.db import Database
from services.chassis.errors import Conflict, Invalid, NotFound, Refused
from tests.support.billing import (
    STAFF,
    Office,
    contract_message,
    in_threads,
    measured,
    member_message,
    supply_message,
)

PROGRAM = Path(__file__).with_name("bill_program.py")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def small(database: Database, tmp_path: Path) -> Office:
    """An office whose runs are cut into chunks of five supplies."""
    return Office(database, tmp_path, chunk_supplies=5)


def issued(office: Office) -> list[invoices.Issued]:
    with office.database.read() as connection:
        rows = connection.execute(select(tables.invoice).order_by(tables.invoice.c.series, tables.invoice.c.sequence))
        return [invoices.Issued(**row) for row in rows.mappings()]


def assert_sound(office: Office, expected: int) -> None:
    """The books hold, and each invoice was told of once."""
    rows = assert_books(office, expected)
    events = office.events(InvoiceIssued)
    assert sorted(event.invoice_id for event in events) == sorted(row.id for row in rows)
    assert sorted(event.invoice_id for event in office.events(InvoiceDocumentDue)) == sorted(row.id for row in rows)


def assert_books(office: Office, expected: int) -> list[invoices.Issued]:
    """One invoice per supply and month, a gapless and chained series, and books that balance and agree with each other."""
    rows = issued(office)
    assert len(rows) == expected
    assert len({(row.supply_id, row.period_start, row.kind) for row in rows}) == expected
    for code in {row.series for row in rows}:
        sequence = [row for row in rows if row.series == code]
        assert [row.sequence for row in sequence] == list(range(1, len(sequence) + 1))
        previous = ""
        for row in sequence:
            with office.database.read() as connection:
                details = invoices.details(connection, row.id)
            assert row.previous_hash == previous
            assert row.hash == invoice_hash(row, details)
            assert row.total == sum(line.amount for line in details.lines) + sum(tax.amount for tax in details.taxes)
            previous = row.hash
    with office.database.read() as connection:
        posting, entry, item, credit = (
            tables.ledger_posting,
            tables.ledger_entry,
            tables.open_item,
            tables.member_credit,
        )

        def total(column, *conditions):
            return connection.execute(select(func.sum(column)).where(*conditions)).scalar_one() or D(0)

        assert total(posting.c.amount) == 0
        receivable = total(posting.c.amount, posting.c.account == "receivable")
        credits = total(posting.c.amount, posting.c.account == "member_credit")
        assert receivable == total(item.c.outstanding)
        assert credits == -total(credit.c.amount)
        assert total(entry.c.member_amount) == receivable + credits
        assert -total(posting.c.amount, posting.c.account == "tax") == sum(row.total - row.net for row in rows)
        assert connection.execute(select(func.count()).select_from(item)).scalar_one() == expected
    chain = FiscalRecords(office.database, office.rules.profile).check()
    recorded = expected if office.rules.fiscal.verifactu else 0
    assert (chain.records, chain.broken, chain.without_record) == (recorded, None, ())
    return rows


def test_bill_a_through_the_run(office: Office) -> None:
    office.add_supplies(1)
    state = office.bill()
    assert (state.run.state, state.run.contracts, state.run.invoiced, state.run.total) == (
        "completed",
        1,
        1,
        D("55.44"),
    )
    (row,) = issued(office)
    assert (row.number, row.total, row.due_date) == ("E-2026-000001", D("55.44"), date(2026, 11, 23))
    assert (row.import_wh, row.hours_expected, row.curve_version) == (245_000, 745, 7)
    (event,) = office.events(InvoiceIssued)
    assert (event.total.amount, event.period.start, event.service_id) == ("55.44", "2026-10-01", "s00000-light")
    assert_sound(office, 1)


def test_a_chunk_asks_metering_once(office: Office) -> None:
    office.add_supplies(30)
    office.bill()
    assert office.energy.calls == 1
    assert_sound(office, 30)


def test_work_items_that_come_twice_bill_once(small: Office) -> None:
    small.add_supplies(12)
    small.start()
    for chunk_id in [*small.waiting_chunks(), *small.waiting_chunks()]:
        small.work(chunk_id)
    assert_sound(small, 12)


def test_two_workers_with_the_same_chunks_at_once(small: Office) -> None:
    """Each of four workers prices and issues every chunk."""
    small.add_supplies(20)
    run_id = small.start().run.id
    chunks = small.waiting_chunks()

    def work(number: int) -> None:
        for chunk_id in chunks[number:] + chunks[:number]:
            small.work(chunk_id)

    in_threads(4, work)
    assert_sound(small, 20)
    run = small.runs.get(run_id).run
    assert (run.state, run.chunks_done, run.invoiced, run.total) == ("completed", 4, 20, D("55.44") * 20)


def test_two_months_at_once_share_the_series(small: Office) -> None:
    small.add_supplies(10)
    small.start("2026-09", "2026-11-02")
    small.start("2026-10", "2026-11-02")
    chunks = small.waiting_chunks()
    in_threads(len(chunks), lambda number: small.work(chunks[number]))
    assert_sound(small, 20)


@pytest.mark.parametrize("dies_in", [1, 2, 4])
@pytest.mark.parametrize("moment", ["priced", "issued", "committed"])
def test_killed_and_started_again(small: Office, tmp_path: Path, dies_in: int, moment: str) -> None:
    """SIGKILL before, inside and after the transaction of a chunk; another process takes the run up again."""
    small.add_supplies(18)
    run_id = small.start().run.id
    url = small.database.url.render_as_string(hide_password=False)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"}
    arguments = [sys.executable, str(PROGRAM), url, str(tmp_path), str(dies_in), moment]
    died = subprocess.run(arguments, cwd=ROOT, env=environment, timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL
    done_before = small.runs.get(run_id).run.chunks_done
    assert done_before == dies_in - (moment != "committed")
    assert len(issued(small)) == min(done_before * 5, 18)

    # Taking the run up again sends out what is not done; the log brings the others again too.
    if done_before < 4:
        small.start()
    for chunk_id in small.waiting_chunks():
        small.work(chunk_id)
    assert_sound(small, 18)
    state = small.runs.get(run_id)
    assert (state.run.state, state.run.invoiced, state.run.chunks_done) == ("completed", 18, 4)


def test_late_readings_are_billed_by_taking_the_month_up_again(office: Office) -> None:
    office.add_supplies(3)
    office.energy.of["s00001-light"] = measured(missing=745, P1=0)
    first = office.bill()
    assert (first.run.invoiced, first.run.held) == (2, 1)
    (held,) = first.held
    assert (held.account_number, held.reason) == ("2/1", "NO_READINGS")
    assert "import them" in held.explanation

    office.energy.of.clear()
    again = office.bill(issue_date="2026-11-10")
    assert again.run.id == first.run.id
    assert (again.run.contracts, again.run.already_invoiced, again.run.invoiced, again.run.held) == (3, 2, 1, 0)
    assert again.held == ()
    assert [row.issue_date.day for row in issued(office)] == [2, 2, 10]
    assert_sound(office, 3)
    nothing_left = office.bill(issue_date="2026-11-10")
    assert (nothing_left.run.state, nothing_left.run.chunks, nothing_left.run.already_invoiced) == ("completed", 0, 3)


def test_what_cannot_be_billed_is_held_with_its_reason(office: Office) -> None:
    office.add_supplies(1)
    office.tell(
        member_message("unknown"),
        supply_message("unknown", contract_message("unknown", product_code="verde"), account="10/1"),
        supply_message("nobody", account="11/1"),  # no MemberChanged came
        member_message("gaps"),
        supply_message("gaps", account="12/1"),
        member_message("stranger"),
        supply_message("stranger", account="13/1"),
        member_message("gone"),
        supply_message("gone", contract_message("gone", to="2026-10-01"), account="14/1"),
    )
    office.energy.of |= {"gaps-light": measured(missing=38), "stranger-light": None}
    state = office.bill()
    assert {each.account_number: each.reason for each in state.held} == {
        "10/1": "NO_PRODUCT",
        "11/1": "NO_HOLDER",
        "12/1": "MISSING_READINGS",
        "13/1": "NO_READINGS",
    }
    assert next(each.contract_id for each in state.held if each.account_number == "12/1") == "gaps-contract"
    assert (state.run.contracts, state.run.invoiced, state.run.held) == (5, 1, 4)
    assert_sound(office, 1)


def test_a_few_missing_hours_are_billed_as_measured(office: Office) -> None:
    office.add_supplies(1)
    office.energy.usual = measured(missing=20)
    office.bill()
    (row,) = issued(office)
    assert (row.total, row.hours_missing) == (D("55.44"), 20)


def everything(office: Office) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with office.database.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in tables.metadata.sorted_tables
        }


def test_preview_says_what_the_run_would_do_and_writes_nothing(small: Office) -> None:
    small.add_supplies(12)
    small.bill("2026-09", "2026-10-02")
    small.energy.of["s00003-light"] = measured(missing=745, P1=0)
    before = everything(small)
    states = list(small.runs.preview("2026-10", "2026-11-02"))
    assert [state.run.chunks_done for state in states] == [1, 2, 3]
    assert [state.run.state for state in states] == ["running", "running", "completed"]
    last = states[-1]
    assert (last.run.invoiced, last.run.total) == (11, D("55.44") * 11)
    assert [each.account_number for each in last.held] == ["4/1"]
    assert everything(small) == before
    run = small.bill().run
    assert (run.contracts, run.invoiced, run.held, run.total) == (
        last.run.contracts,
        last.run.invoiced,
        last.run.held,
        last.run.total,
    )
    assert everything(small) != before


def test_preview_refuses_what_the_run_would(office: Office) -> None:
    with pytest.raises(Refused, match="cannot be billed on 2026-11-21"):
        list(office.runs.preview("2026-11", ""))
    with pytest.raises(Invalid, match="not a month"):
        list(office.runs.preview("2026-00", ""))


def test_credit_pays_the_next_invoice(office: Office) -> None:
    office.add_supplies(2)
    office.bill("2026-09", "2026-10-02")
    first = issued(office)[0]
    recorded = office.pay(first.number, str(first.total + 20))
    assert (recorded.payment.credited, recorded.debt.debt.credit) == (D("20.00"), D("20.00"))
    office.bill()
    debt = office.accounts.debt(STAFF, first.supply_id).debt
    assert (debt.not_yet_due, debt.credit, debt.overdue) == (D("35.44"), D("0.00"), D("0"))
    assert_sound(office, 4)


def test_a_month_before_the_contract_bills_nobody(office: Office) -> None:
    office.tell(member_message("new"), supply_message("new", contract_message("new", **{"from": "2026-11-01"})))
    state = office.bill()
    assert (state.run.state, state.run.contracts, state.run.chunks) == ("completed", 0, 0)


def test_starting_twice_with_one_request_id_is_one_start(office: Office) -> None:
    office.add_supplies(1)
    key = office.key()
    first = office.runs.start(key, "2026-10", "2026-11-02")
    assert office.runs.start(key, "2026-10", "2026-11-02").run.id == first.run.id
    assert len(office.waiting_chunks()) == 1
    with pytest.raises(Conflict):
        office.runs.start(type(key)(key.scope, key.request_id, "other"), "2026-09", "2026-11-02")


@pytest.mark.parametrize(
    ("period", "issue_date", "error", "words"),
    [
        ("2026-13", "", Invalid, "'2026-13' is not a month"),
        ("october", "", Invalid, "not a month"),
        ("2026-10", "2026-11-31", Invalid, "not a date"),
        ("2026-11", "", Refused, "ends on 2026-11-30 and cannot be billed on 2026-11-21"),
        ("2026-10", "2026-10-31", Refused, "use an issue date from 2026-11-01 on"),
        ("2026-10", "2026-11-22", Refused, "in the future"),
    ],
)
def test_months_and_dates_that_cannot_be(
    office: Office, period: str, issue_date: str, error: type[Exception], words: str
) -> None:
    office.add_supplies(1)
    with pytest.raises(error, match=words):
        office.start(period, issue_date)
    assert issued(office) == []


def test_dates_follow_the_numbers_of_the_series(office: Office) -> None:
    office.add_supplies(1)
    office.bill("2026-10", "2026-11-02")
    with pytest.raises(Refused, match="before 2026-11-02, the latest of the series"):
        office.start("2026-09", "2026-10-02")
    office.bill("2026-09", "2026-11-02")
    assert_sound(office, 2)


def test_a_run_under_way_keeps_its_issue_date(office: Office) -> None:
    office.add_supplies(1)
    office.start()
    with pytest.raises(Refused, match="under way with issue date 2026-11-02"):
        office.start(issue_date="2026-11-05")
    assert office.start(issue_date="").run.issue_date == date(2026, 11, 2)


def test_a_run_is_found_by_its_month_too(office: Office) -> None:
    office.add_supplies(1)
    run = office.start().run
    assert office.runs.get("2026-10") == office.runs.get(run.id)
    assert office.runs.get("2026-10").run.id == run.id


def test_unknown_run_and_chunk(office: Office) -> None:
    for unknown in ("x", "2026-09"):
        with pytest.raises(NotFound, match=f"no bill run '{unknown}'"):
            office.runs.get(unknown)
    with pytest.raises(NotFound, match="no chunk x"):
        office.runs.price_chunk("x")


def test_a_new_year_begins_its_series_at_one(office: Office) -> None:
    office.add_supplies(1)
    office.bill("2025-11", "2025-12-02")
    office.bill("2025-12", "2026-01-02")
    assert [row.number for row in issued(office)] == ["E-2025-000001", "E-2026-000001"]
    assert_sound(office, 2)


def test_argentina_light_and_water_on_one_invoice(office_ar: Office) -> None:
    office = office_ar
    light = contract_message("casa", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    shop = contract_message(
        "tienda",
        product_code="residencial",
        tariff="T1R",
        powers=[],
        meter_rental="",
        tax_condition="registered",
        use="other",
    )
    office.tell(
        member_message("casa"),
        supply_message("casa", light, cups="", water=True),
        member_message("tienda"),
        supply_message("tienda", shop, cups="", account="7/1"),
    )
    office.energy.usual = measured(expected=744, P1=221_000)
    state = office.bill()
    assert state.held == ()
    totals = {row.number: row.total for row in issued(office)}
    # (16,171.40 + works fund 800.00 + water 4,950.00) × 1.21, and the shop of a registered holder at 27 %. Apart, 6 % of
    # 16,171.40 for the street lamps, 300.00 of capital and, of homes, 950.00 for social services.
    assert totals == {
        "B-LSP-00000001": D("26524.89"),
        "X-LSP-00000001": D("2220.28"),
        "A-LSP-00000001": D("21553.68"),
        "X-LSP-00000002": D("1270.28"),
    }
    assert (state.run.contracts, state.run.invoiced, state.run.total) == (2, 2, sum(totals.values()))
    assert list(office.runs.preview("2026-10", "2026-11-02"))[-1].run.already_invoiced == 2
    assert_sound(office, 4)
    events = {event.number: event.service_id for event in office.events(InvoiceIssued)}
    assert events["B-LSP-00000001"] == "casa-light" and events["X-LSP-00000001"] == ""


def test_a_bill_names_no_debt_of_who_held_the_supply_before(office_ar: Office) -> None:
    office = office_ar
    light = contract_message("casa", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office.tell(member_message("casa"), supply_message("casa", light, cups=""), member_message("new"))
    office.energy.usual = measured(expected=744, P1=221_000)
    office.bill("2026-09", "2026-10-02")
    sold = supply_message("casa", light, cups="", version=5)
    sold.supply.member_id = "new-member"
    office.tell(sold)
    office.bill()
    debts = {(row.member_id, len(row.printed["prior_debts"])) for row in issued(office)}
    assert debts == {("casa-member", 0), ("new-member", 0)}
    assert office.accounts.debt(STAFF, "casa").debt.overdue > 0


def test_the_document_apart_is_listed_paid_and_owed_apart(office_ar: Office) -> None:
    office = office_ar
    light = contract_message("casa", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office.tell(member_message("casa"), supply_message("casa", light, cups=""))
    office.energy.usual = measured(expected=744, P1=221_000)
    office.bill("2026-09", "2026-10-02")
    first = {row.number: row.total for row in issued(office)}
    office.pay("B-LSP-00000001", str(first["B-LSP-00000001"]), currency="ARS")
    office.bill()
    found = office.invoices.list(STAFF, "casa", before=None, limit=3)
    assert [each.invoice.number for each in found] == ["B-LSP-00000002", "X-LSP-00000002", "B-LSP-00000001"]
    assert [each.previous_total for each in found] == [first["B-LSP-00000001"], first["X-LSP-00000001"], None]
    rest = office.invoices.list(STAFF, "casa", before=found[0].invoice.place, limit=1)
    assert [each.invoice.number for each in rest] == ["X-LSP-00000002"]
    debts = {row.number: [number for number, _, _ in row.printed["prior_debts"]] for row in issued(office)}
    assert debts["B-LSP-00000002"] == [], "who paid the service owes it nothing"
    assert debts["X-LSP-00000002"] == ["X-LSP-00000001"]

    office.pay("B-LSP-00000002", "40000.00", currency="ARS")
    credit = office.accounts.debt(STAFF, "casa").debt.credit
    office.bill("2026-08", "2026-11-21")
    latest = {each.invoice.number: each for each in office.invoices.list(STAFF, "casa", before=None, limit=10)}
    service, apart = latest["B-LSP-00000003"], latest["X-LSP-00000003"]
    assert credit > 0 and service.outstanding == service.invoice.total - credit
    assert apart.outstanding == apart.invoice.total, "credit pays for the service alone"


def test_chunk_rows_tell_their_round(office: Office) -> None:
    office.add_supplies(1)
    office.energy.of["s00000-light"] = None
    office.bill()
    office.bill()
    with office.database.read() as connection:
        rounds = [row.round for row in connection.execute(select(tables.bill_run_chunk.c.round).order_by("round"))]
        run = runs.run_of_period(connection, "2026-10")
    assert rounds == [1, 2]
    assert run is not None and run.round == 2
