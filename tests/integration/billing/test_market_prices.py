"""Market prices in the running month: uploaded, met with the hours, kept with the invoice, calculated again; corrected."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from io import BytesIO

import pytest
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from pypdf import PdfReader
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from services.billing import tables
from services.billing.application.market_prices import MarketPrices, Uploaded
from services.billing.application.regularising import RectifyOrder
from services.billing.domain.bill import Energy, MeasuredHour, PeriodEnergy
from services.billing.repository import invoices
from services.chassis.errors import Invalid
from services.staff.verify.check import verify
from tests.support.billing import STAFF, Office, contract_message, in_threads, member_message, supply_message

#: Wednesday, 14 October 2026: 3, 11 and 16 o'clock in Madrid; invented prices.
FILE = "day;hour;price\n2026-10-14;4;52,05\n2026-10-14;12;84,32\n2026-10-14;17;41,10\n"
STARTS = [datetime(2026, 10, 14, hour, tzinfo=UTC) for hour in (1, 9, 14)]
HOURS = tuple(
    MeasuredHour(start, period, wh)
    for start, period, wh in zip(STARTS, ("P3", "P1", "P2"), (150, 420, 310), strict=True)
)
ENERGY = Energy(
    {"P1": PeriodEnergy(420), "P2": PeriodEnergy(310), "P3": PeriodEnergy(150)}, 745, 745, 0, 0, 7, unpriced=HOURS
)


@pytest.fixture
def indexed(office: Office) -> Office:
    """An office with one member at the indexed price and one at the fixed one."""
    office.tell(
        member_message("ana"),
        supply_message("ana", contract_message("ana", product_code="indexada-2026")),
        member_message("luis"),
        supply_message("luis", account="5556/1"),
    )
    office.energy.of["ana-light"] = ENERGY
    return office


def upload(office: Office, content: str, name: str = "omie.csv") -> Uploaded:
    return MarketPrices(office.database, office.rules).upload(office.key(), "staff:office", name, content.encode())


def numbers(office: Office) -> dict[str, str]:
    with office.database.read() as connection:
        return {row.account_number: row.number for row in connection.execute(select(tables.invoice))}


def test_the_worked_hours_are_billed_kept_and_calculated_again(indexed: Office) -> None:
    found = upload(indexed, FILE)
    assert (found.added, found.unchanged, found.corrections, found.refused) == (3, 0, [], ())
    state = indexed.bill()
    assert (state.run.invoiced, state.held) == (2, ())
    invoice, bundle = indexed.invoices.bundle(STAFF, numbers(indexed)["5555/1"])
    with indexed.database.read() as connection:
        lines = invoices.details(connection, invoice.id).lines
    energies = [line for line in lines if line.concept == "energy"]
    # 0.088182, 0.028217 and 0.011831, each rounded once with its period.
    assert [(line.period, line.amount) for line in energies] == [
        ("P1", D("0.09")),
        ("P2", D("0.03")),
        ("P3", D("0.01")),
    ]
    assert sum(line.amount for line in energies) == D("0.13")
    assert [line.amount for line in lines if line.concept == "management_fee"] == [D("3.97")]
    assert bundle["segments"][0]["priced_hours"] == [
        ["2026-10-14", "P3", 150, "0.052050"],
        ["2026-10-14", "P1", 420, "0.084320"],
        ["2026-10-14", "P2", 310, "0.041100"],
    ]
    verdict = verify(bundle)
    assert (verdict.differences, verdict.calculated_total) == ((), invoice.total)
    pages = PdfReader(BytesIO(indexed.documents.invoice(invoice.id).content)).pages
    paper = " ".join(" ".join(page.extract_text().split()) for page in pages)
    assert "0,42 kWh, cada hora a su precio 0,09" in paper

    bundle["segments"][0]["priced_hours"][1][3] = "0.18432"
    assert any("electricity energy P1" in difference for difference in verify(bundle).differences)
    bundle["segments"][0]["priced_hours"].pop()
    assert any("P2: the hours with a market price hold 0 Wh" in each for each in verify(bundle).differences)


def test_an_hour_without_a_price_holds_the_bill_and_names_it(indexed: Office) -> None:
    upload(indexed, FILE.replace("2026-10-14;12;84,32\n", ""))
    state = indexed.bill()
    assert state.run.invoiced == 1
    (held,) = state.held
    assert (held.account_number, held.reason) == ("5555/1", "NO_MARKET_PRICE")
    assert "1 of its hours" in held.explanation and "2026-10-14T11:00+02:00" in held.explanation
    # With the price the month, run again, bills the rest.
    upload(indexed, FILE)
    state = indexed.bill()
    assert (state.run.invoiced, state.run.already_invoiced, state.held) == (1, 1, ())


def test_missing_hours_of_the_curve_are_what_is_told_first(indexed: Office) -> None:
    indexed.energy.of["ana-light"] = replace(ENERGY, hours_measured=0, hours_missing=745)
    assert [held.reason for held in indexed.bill().held] == ["NO_READINGS"]


def test_hours_are_asked_for_only_where_they_have_prices(indexed: Office) -> None:
    asked = {}
    answer = indexed.energy.energies
    indexed.energy.energies = lambda queries: (
        asked.update({q.service_id: q.by_hour for q in queries}) or answer(queries)
    )
    upload(indexed, FILE)
    indexed.bill()
    assert asked == {"ana-light": True, "luis-light": False}


def test_the_same_file_again_changes_nothing(indexed: Office) -> None:
    key = indexed.key()
    service = MarketPrices(indexed.database, indexed.rules)
    first = service.upload(key, "staff:office", "omie.csv", FILE.encode())
    assert service.upload(key, "staff:office", "omie.csv", FILE.encode()) == first
    again = upload(indexed, FILE, "copy.csv")
    assert (again.seen_before, again.added, again.corrections) == (True, 0, ()) and again.file == first.file
    more = upload(indexed, FILE + "2026-10-14;18;40\n")
    assert (more.seen_before, more.added, more.unchanged) == (False, 1, 3)


def test_a_corrected_price_is_a_new_version_and_names_the_invoices_calculated_before(indexed: Office) -> None:
    upload(indexed, FILE)
    indexed.bill()
    number = numbers(indexed)["5555/1"]
    _, before = indexed.invoices.bundle(STAFF, number)
    found = upload(indexed, FILE.replace("84,32", "80.00"), "omie.1.csv")
    (correction,) = found.corrections
    assert (correction.start, correction.before, correction.after) == (STARTS[1], D("84.32"), D("80"))
    assert (found.added, found.unchanged, list(found.invoices)) == (0, 2, [number])
    month = MarketPrices(indexed.database, indexed.rules).month("2026-10")
    assert [(each.price, each.version, each.file_name) for each in month.prices] == [
        (D("52.05"), 1, "omie.csv"),
        (D("80"), 2, "omie.1.csv"),
        (D("41.10"), 1, "omie.csv"),
    ]
    assert (month.hours_expected, month.hours_missing) == (745, 742)
    assert month.first_missing == datetime(2026, 9, 30, 22, tzinfo=UTC)
    # The invoice stays what it was, and is calculated again with the prices it has.
    _, after = indexed.invoices.bundle(STAFF, number)
    assert after == before and verify(after).holds
    # Another day's correction concerns nobody's invoice.
    upload(indexed, "day;hour;price\n2026-11-02;1;50\n")
    assert upload(indexed, "day;hour;price\n2026-11-02;1;51\n").invoices == []


def test_good_rows_are_kept_beside_wrong_ones(indexed: Office) -> None:
    found = upload(indexed, FILE + "2026-10-14;26;1\n")
    assert found.added == 3 and [(row.line, row.value) for row in found.refused] == [(5, "26")]
    nothing = upload(indexed, "day;hour;price\n2026-10-14;26;1\n")
    assert nothing.file is None and len(nothing.refused) == 1
    with pytest.raises(Invalid, match="no price"):
        upload(indexed, "day;hour;price\n")
    with pytest.raises(Invalid, match="not UTF-8"):
        MarketPrices(indexed.database, indexed.rules).upload(indexed.key(), "staff:office", "x", b"day;hour;pr\xffce\n")
    with pytest.raises(Invalid, match="2026-13"):
        MarketPrices(indexed.database, indexed.rules).month("2026-13")


def test_files_that_race_for_the_same_hours_are_taken_one_after_the_other(indexed: Office) -> None:
    upload(indexed, FILE)
    in_threads(4, lambda number: upload(indexed, FILE.replace("84,32", f"9{number},00")))
    with indexed.database.read() as connection:
        table = tables.market_price
        rows = connection.execute(select(table.c.version).where(table.c.start == STARTS[1]).order_by(table.c.version))
        assert list(rows.scalars()) == [1, 2, 3, 4, 5]


def test_prices_are_written_once(indexed: Office) -> None:
    upload(indexed, FILE)
    for statement in ("UPDATE market_price SET price = 1", "DELETE FROM market_file"):
        with pytest.raises(DatabaseError, match="written once"), indexed.database.write() as tx:
            tx.execute(text(statement))


def test_a_corrected_price_is_what_a_rectifying_invoice_takes(indexed: Office) -> None:
    big = tuple(hour._replace(import_wh=hour.import_wh * 100) for hour in HOURS)
    by_period = {hour.period: PeriodEnergy(hour.import_wh) for hour in big}
    indexed.energy.of["ana-light"] = replace(ENERGY, by_period=by_period, unpriced=big)
    upload(indexed, FILE)
    indexed.bill()
    number = numbers(indexed)["5555/1"]
    assert list(upload(indexed, FILE.replace("84,32", "184,32")).invoices) == [number]
    order = RectifyOrder(number, "The market published another price", "I")
    indexed.corrections.rectify(indexed.key(), "staff:ana", order)
    # 42 kWh at 0.326658 and not at 0.209958: 13.72 and 8.82.
    assert energy_of(indexed, "R-2026-000001") == D("4.90")


def test_a_month_that_metering_corrects_is_priced_with_the_prices_of_its_hours(indexed: Office) -> None:
    big = tuple(hour._replace(import_wh=hour.import_wh * 100) for hour in HOURS)
    by_period = {hour.period: PeriodEnergy(hour.import_wh) for hour in big}
    indexed.energy.of["ana-light"] = replace(ENERGY, by_period=by_period, unpriced=big)
    upload(indexed, FILE)
    indexed.bill()
    number = numbers(indexed)["5555/1"]
    less = (big[0], big[1]._replace(import_wh=22_000), big[2])
    by_period["P1"] = PeriodEnergy(22_000)
    indexed.energy.of["ana-light"] = replace(ENERGY, by_period=by_period, unpriced=less, curve_version=8)
    indexed.hear(
        ReadingCorrected(
            supply_id="ana",
            service_id="ana-light",
            invoice_id=indexed.invoices.get(STAFF, number).invoice.id,
            period=DatePeriod(start="2026-10-01", end="2026-11-01"),
            billed_wh=88_000,
            known_wh=68_000,
            curve_version=8,
        )
    )
    (found,) = indexed.corrections.list("proposed", before="", limit=10)
    indexed.corrections.approve(indexed.key(), "staff:ana", found.correction.id, 0, "")
    # 22 kWh at 0.209958 and not 42: 4.62 and 8.82.
    assert energy_of(indexed, "R-2026-000001") == D("-4.20")


def energy_of(office: Office, number: str) -> D:
    """The sum of an invoice's energy lines."""
    with office.database.read() as connection:
        invoice_id = connection.execute(
            select(tables.invoice.c.id).where(tables.invoice.c.number == number)
        ).scalar_one()
        lines = invoices.details(connection, invoice_id).lines
    return sum((line.amount for line in lines if line.concept == "energy"), D(0))
