"""From an issued invoice to what is printed: comparisons, shares and the comparator's address, all from printed lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.documents import calculation, render_invoice
from services.billing.documents.edition import edition
from services.billing.documents.model import Line
from services.billing.domain.bill import Bill, Energy, HourEnergy, PeriodEnergy, QuarterDemand
from services.billing.domain.planning import plan
from services.billing.domain.supplies import Address, Member, Supply
from services.billing.jurisdictions import jurisdiction
from services.billing.papers.explain import change, destination
from services.billing.papers.invoice import invoice_document, shortest
from services.billing.papers.invoice_papers import InvoicePapers
from services.billing.papers.spain import comparator_url
from services.billing.repository.fiscal import Code
from services.billing.repository.invoices import Details, Issued
from services.billing.rules import rules_of
from services.billing.snapshots import member_state, supply_of, supply_state
from services.chassis.periods import DatePeriod
from services.chassis.profile import load_profile
from tests.unit.billing.examples import (
    BILL_A,
    argentine_bill,
    argentine_supply,
    book,
    energy,
    spanish_bill,
    spanish_supply,
)

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
ANA = Member(
    "m1", "5555", "Ana Pérez", "nif", "12345678Z", "es", Address("Calle Mayor 1", "46179", "Vallesol", "Valencia")
)


def issued(bill: Bill, supply: Supply, series: str = "E-2026") -> tuple[Issued, Details]:
    """A bill as it lies in the database after issue."""
    measured = bill.energy.get("electricity", Energy())
    product = {
        segment.service: [segment.product.kind, segment.product.name] for segment in plan_of(supply, bill.period)
    }
    printed = {
        "holder": member_state(ANA),
        "supply": supply_state(supply),
        "language": "es",
        "product": product,
        "references": list(bill.sources),
        "prior_debts": [],
    }
    row = Issued(
        "i1",
        f"{series}-000123",
        series,
        123,
        "run",
        supply.id,
        "s1",
        "m1",
        supply.account_number,
        bill.period.start,
        bill.period.end,
        date(2026, 11, 3),
        date(2026, 11, 23),
        "EUR",
        bill.net,
        bill.total,
        measured.import_wh,
        measured.hours_expected,
        measured.hours_measured,
        measured.hours_estimated,
        measured.hours_missing,
        1,
        printed,
        "",
        "",
        datetime(2026, 11, 3, tzinfo=UTC),
    )
    consumption = {(s, p): each for s, found in bill.energy.items() for p, each in found.by_period.items()}
    return row, Details(bill.lines, bill.taxes, consumption)


def plan_of(supply: Supply, period: DatePeriod):
    return plan(supply, period, book())


def month_bill(month: str, consumption: Energy = BILL_A, watts: int = 4600) -> tuple[Issued, Details]:
    supply = spanish_supply(watts)
    return issued(spanish_bill(consumption, period=DatePeriod.month(month), supply=supply), supply)


WH = st.integers(0, 2_000_000)


@given(WH, WH, WH, WH, st.sampled_from([3450, 4600]), st.sampled_from(["2026-08", "2026-09"]))
def test_the_reasons_of_a_change_sum_to_the_difference(now, before, p3_now, p3_before, watts, month):
    late = month_bill("2026-10", energy(P1=now, P2=0, P3=p3_now))
    early = month_bill(month, energy(P1=before, P2=0, P3=p3_before), watts)
    found = change(*late, *early)
    assert found.difference == late[0].total - early[0].total
    assert sum(reason.amount for reason in found.reasons) == found.difference
    assert all(reason.amount for reason in found.reasons)


def test_reasons_are_what_changed():
    """Same 31 days, same power, 10 kWh more at 0.196 in P1: consumption 1.96 and the taxes on it."""
    late = month_bill("2026-10", energy(P1=72_000, P2=55_000, P3=128_000))
    found = change(*late, *month_bill("2026-08"))
    assert {reason.reason: reason.amount for reason in found.reasons} == {
        "consumption": D("1.96"),
        "taxes": D("0.53"),
    }
    more_power = change(*month_bill("2026-10"), *month_bill("2026-08", watts=3450))
    assert {reason.reason for reason in more_power.reasons} == {"power", "taxes"}
    more_days = change(*month_bill("2026-10"), *month_bill("2026-09"))
    assert {reason.reason for reason in more_days.reasons} == {"days", "taxes"}


def test_a_price_change_is_told_from_consumption():
    """The same kWh at prices 10 % higher: all of the energy's difference is the price."""
    row, details = month_bill("2026-10")
    dearer = tuple(
        replace(line, unit_price=line.unit_price * D("1.1"), amount=round(line.amount * D("1.1"), 2))
        if line.concept == "energy"
        else line
        for line in details.lines
    )
    extra = sum(line.amount for line in dearer) - sum(line.amount for line in details.lines)
    found = change(replace(row, total=row.total + extra), Details(dearer, details.taxes, {}), row, details)
    assert {reason.reason: reason.amount for reason in found.reasons} == {"price": extra}


@given(WH, WH, WH)
def test_where_the_money_goes_sums_to_the_total(p1, p2, p3):
    row, details = month_bill("2026-10", energy(P1=p1, P2=p2, P3=p3))
    shares = destination(details, "2.0TD", row.period_start, jurisdiction("es").policy)
    assert sum(share.amount for share in shares) == row.total
    assert all(share.amount > 0 for share in shares)


def test_where_the_money_of_bill_a_goes():
    """Tolls: power 9.11 + 0.17, energy 62 × 0.033261 + 55 × 0.016409 + 128 × 0.000077 = 2.06 + 0.90 + 0.01."""
    row, details = month_bill("2026-10")
    shares = destination(details, "2.0TD", row.period_start, jurisdiction("es").policy)
    found = {share.code: share.amount for share in shares}
    assert found["tolls"] == D("9.11") + D("0.17") + D("2.06") + D("0.90") + D("0.01")
    assert found["charges"] == D("1.71") + D("0.11") + D("3.99") + D("0.71") + D("0.41")
    assert (found["services"], found["taxes"]) == (D("1.60"), D("11.77"))


def test_a_surplus_that_eats_the_energy_share_shows_no_destination():
    row, details = month_bill("2026-10", energy(export_wh=700_000, P1=62_000, P2=55_000, P3=128_000))
    assert destination(details, "2.0TD", row.period_start, jurisdiction("es").policy) == ()


def test_comparator_address_of_bill_a():
    """The worked example, byte for byte."""
    row, details = month_bill("2026-10")
    supply = replace(spanish_supply(), address=Address("Calle Mayor 1", "46179", "Vallesol", "Valencia"))
    papers = InvoicePapers(row, details, (), None)
    assert comparator_url(papers, supply) == (
        "https://comparador.cnmc.gob.es/comparador/QRE?cp=46179&cups=ES0575000000000877HA&pP1=4.6&pP2=4.6&tc=E0"
        "&iniF=2026-09-30&finF=2026-10-31&fFact=2026-11-03&cfP1=62&cfP2=55&cfP3=128&imp=55.44&impPot=11.10&impEner=30.97"
        "&impOtrosSinIE=0.83&finBS=0.77&dto=0&prP1=27.704413&prP2=0.725423&prE1=0.196&prE2=0.128&prE3=0.092"
    )


def test_the_comparator_learns_a_whole_year_and_the_retailer():
    row, details = month_bill("2026-10")
    months = [f"2025-{month:02d}" for month in (11, 12)] + [f"2026-{month:02d}" for month in range(1, 10)]
    earlier = [replace(month_bill(month)[0], id=month) for month in reversed(months)]
    energies = {month: {"P1": 10_000, "P2": 20_000, "P3": 30_400} for month in months}
    papers = InvoicePapers(row, details, tuple(earlier), None, energies)
    query = parse_qs(urlsplit(comparator_url(papers, spanish_supply(), "R2-000")).query)
    assert query["com"] == ["R2-000"]
    assert query["iniA"] == ["2025-10-31"]
    # 62 + 11 × 10, 55 + 11 × 20, 128 + 11 × 30.4 kWh.
    assert [query[f"caP{number}"] for number in (1, 2, 3)] == [["172"], ["275"], ["462"]]
    gap = replace(papers, earlier=tuple(each for each in earlier if each.id != "2026-03"))
    assert "iniA" not in comparator_url(gap, spanish_supply())


def test_other_tariffs_carry_no_comparator():
    row, details = month_bill("2026-10")
    assert comparator_url(InvoicePapers(row, details, (), None), spanish_supply(tariff="3.0TD")) == ""


def test_a_registered_invoice_carries_the_tax_offices_code_and_the_mix_of_its_date():
    rules = rules_of(load_profile(PROFILES / "demo-es"))
    papers = InvoicePapers(*month_bill("2026-10"), (), None, registered=True)
    document, _ = invoice_document(papers, rules)
    assert document.tax_code is not None
    assert document.tax_code.url == (
        "https://prewww2.aeat.es/wlpl/TIKE-CONT/ValidarQR"
        "?nif=F12345674&numserie=E-2026-000123&fecha=03-11-2026&importe=55.44"
    )
    assert document.origin is not None and document.origin.year == 2025
    assert document.supply.distributor == "Distribuidora Eléctrica Vallesol, S. L. U."
    early = replace(papers, invoice=replace(papers.invoice, issue_date=date(2025, 4, 30)), registered=False)
    document, _ = invoice_document(early, rules)
    assert (document.tax_code, document.origin) == (None, None)


def test_the_highest_power_of_the_last_twelve_months():
    """Of each period, whichever month it was in; a month older than a year counts no more."""
    rules = rules_of(load_profile(PROFILES / "demo-es"))
    row, details = month_bill("2026-10")
    months = [f"2026-{month:02d}" for month in range(9, 0, -1)] + ["2025-12", "2025-11", "2025-10"]
    demand = {"2026-03": {"P1": 3870, "P2": 2500}, "2025-11": {"P1": 3100, "P2": 3120}, "2025-10": {"P1": 9000}}
    earlier = []
    for month in months:
        before, _ = month_bill(month)
        earlier.append(replace(before, printed={**before.printed, "maximum_power": demand.get(month, {})}))
    document, _ = invoice_document(InvoicePapers(row, details, tuple(earlier), details), rules)
    (consumption,) = document.consumptions
    assert [(each.period, each.kilowatts) for each in consumption.maximum_power] == [
        ("P1", D("3.87")),
        ("P2", D("3.12")),
    ]
    query = parse_qs(urlsplit(document.comparator_url).query)
    assert (query["pmaxP1"], query["pmaxP2"]) == (["3.87"], ["3.12"])


def test_what_a_day_cost():
    """Bill A: 55.44 € over 31 days; with a September of the same consumption, two totals over 61 days."""
    rules = rules_of(load_profile(PROFILES / "demo-es"))
    row, details = month_bill("2026-10")
    before, earlier = month_bill("2026-09")
    document, _ = invoice_document(InvoicePapers(row, details, (before,), earlier), rules)
    assert document.daily_mean == D("1.79")
    assert document.daily_mean_history == round((row.total + before.total) / 61, 2)
    alone, _ = invoice_document(InvoicePapers(row, details, (), None), rules)
    assert alone.daily_mean_history is None


@pytest.mark.parametrize(
    ("stored", "places", "printed"),
    [
        ("27.7044130000", 2, "27.704413"),
        ("0.1960000000", 2, "0.196"),
        ("52.1000000000", 2, "52.10"),
        ("9.0000000000", 2, "9.00"),
        ("62.000", 0, "62"),
        ("100.000", 0, "100"),
        ("48.387", 0, "48.387"),
    ],
)
def test_zeros_of_the_column_are_not_printed(stored, places, printed):
    assert str(shortest(D(stored), places)) == printed


def test_a_spanish_document_adds_up_and_tells_its_history():
    rules = rules_of(load_profile(PROFILES / "demo-es"))
    row, details = month_bill("2026-10")
    earlier = [month_bill("2026-09"), month_bill("2026-08"), month_bill("2025-10")]
    papers = InvoicePapers(row, details, tuple(each for each, _ in earlier), earlier[0][1])
    document, language = invoice_document(papers, rules)
    document.check()
    (consumption,) = document.consumptions
    assert (language, document.total, document.currency) == ("es", D("55.44"), "EUR")
    assert len(consumption.history) == 14
    assert [(each.year, each.month) for each in consumption.history if each.quantity is not None] == [
        (2025, 10),
        (2026, 8),
        (2026, 9),
        (2026, 10),
    ]
    assert (consumption.same_month_last_year, consumption.last_year) == (D(245), None)
    assert document.change is not None and document.change.previous_start == date(2026, 9, 1)
    assert document.payment[0].account == "ES91 2100 0418 4502 0005 1332"
    assert document.regulation[0].endswith("(BOE-A-2025-26348)")
    names = {(line.concept, line.period): line.period_name for line in document.lines if line.period_name}
    assert names == {
        ("power", "P1"): "peak",
        ("power", "P2"): "off_peak",
        ("energy", "P1"): "peak",
        ("energy", "P2"): "middle",
        ("energy", "P3"): "off_peak",
    }
    assert [part.name for part in consumption.by_period] == ["peak", "middle", "off_peak"]
    assert [part.name for part in document.supply.powers] == ["peak", "off_peak"]


@pytest.mark.parametrize(
    ("start", "end", "months", "printed"),
    [
        (date(2020, 1, 1), None, 12, (date(2026, 12, 31), True)),
        (date(2025, 11, 4), None, 12, (date(2026, 11, 3), True)),
        (date(2025, 11, 3), None, 12, (date(2027, 11, 2), True)),
        (date(2024, 2, 29), None, 12, (date(2027, 2, 27), True)),
        (date(2026, 10, 1), None, 24, (date(2028, 9, 30), True)),
        (date(2020, 1, 1), None, 0, (None, True)),
        (date(2020, 1, 1), date(2026, 10, 16), 12, (date(2026, 10, 15), False)),
    ],
)
def test_the_end_of_a_contract_and_whether_it_goes_on(start, end, months, printed):
    """Issued on 3 November 2026: a term that ended on the day before goes on for another one."""
    rules = replace(rules_of(load_profile(PROFILES / "demo-es")), contract_months=months)
    row, details = month_bill("2026-10")
    supply = supply_of(row.printed["supply"])
    (service,) = supply.services
    contract = replace(service.contracts[0], start=start, end=end, access_contract="ATR0575")
    state = supply_state(replace(supply, services=(replace(service, contracts=(contract,)),)))
    document, _ = invoice_document(
        InvoicePapers(replace(row, printed={**row.printed, "supply": state}), details, (), None), rules
    )
    assert (document.supply.contract_end, document.supply.contract_renewed) == printed
    assert document.supply.access_contract_reference == "ATR0575"
    told = parse_qs(urlsplit(document.comparator_url).query).get("finContrato")
    assert told == (None if printed[0] is None else [printed[0].isoformat()])


def test_a_month_skipped_is_not_compared_with():
    rules = rules_of(load_profile(PROFILES / "demo-es"))
    row, details = month_bill("2026-10")
    before, earlier_details = month_bill("2026-08")
    document, _ = invoice_document(InvoicePapers(row, details, (before,), earlier_details), rules)
    assert document.change is None


def test_an_argentine_document_has_its_class_and_condition():
    rules = rules_of(load_profile(PROFILES / "demo-ar"))
    supply = argentine_supply("other", "registered", water=True)
    row, details = issued(argentine_bill(supply, 221_000), supply, "A-LSP")
    row = replace(row, currency="ARS", printed={**row.printed, "prior_debts": [["A-LSP-1", "2026-10-22", "10.00"]]})
    document, _ = invoice_document(InvoicePapers(row, details, (), None), rules)
    document.check()
    assert document.argentina is not None
    assert (document.argentina.letter, document.argentina.contained_iva) == ("A", D(0))
    assert document.holder.iva_condition == "Responsable inscripto"
    assert document.prior_debts is not None and document.prior_debts[0].amount == D("10.00")
    assert (document.comparator_url, document.tax_code, document.argentina.cesp) == ("", None, "")
    assert {share.code for share in document.destination} == {"energy", "water", "taxes"}


def test_an_argentine_bill_prints_the_code_it_was_issued_under():
    rules = rules_of(load_profile(PROFILES / "demo-ar"))
    supply = argentine_supply()
    row, details = issued(argentine_bill(supply, 221_000), supply, "B-LSP")
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    code = Code("99123456789012", 3, "018", first, date(2026, 12, 1), last, "sandbox", row.issued_at)
    papers = InvoicePapers(replace(row, currency="ARS"), details, (), None, code=code)
    heading = invoice_document(papers, rules)[0].argentina
    assert heading is not None
    assert (heading.cesp, heading.cesp_expiry, heading.sandbox) == ("99123456789012", last, True)
    assert heading.barcode[:-1] == "30123456781" + "018" + "00003" + "99123456789012" + "20261130"


def indexed() -> tuple[Bill, Supply]:
    product = {
        "code": "fija", "kind": "indexed", "service": "electricity", "name": "Indexada", "from": date(2026, 1, 1),
        "adjustment": "0.012", "management_fee": "3.9", "discounts": [],
    }  # fmt: skip
    hours = (HourEnergy(date(2026, 10, 14), "P1", 420, D("0.08432")),)
    found = Energy({"P1": PeriodEnergy(420)}, 745, 745, hours=hours)
    return spanish_bill(found, prices=book(product)), spanish_supply()


def six_periods() -> tuple[Bill, Supply]:
    """With power above the contracted one in P4 and more reactive energy than a third of the active one."""
    names = tuple(f"P{number}" for number in range(1, 7))
    supply = spanish_supply(powers=tuple((name, 20_000) for name in names), tariff="3.0TD")
    found = Energy(
        {name: PeriodEnergy(1_200_000) for name in names}, 745, 745, max_demand_w={"P4": 26_400},
        reactive_varh={"P4": 700_000},
    )  # fmt: skip
    prices = {"code": "fija", "kind": "fixed", "service": "electricity", "name": "Seis periodos", "power": "regulated",
              "from": date(2021, 6, 1), "energy": dict.fromkeys(names, "0.11")}  # fmt: skip
    return spanish_bill(found, supply=supply, prices=book(prices)), supply


def quarters() -> tuple[Bill, Supply]:
    """Above 50 kW, without a maximeter: three quarters of an hour above the contracted power in P4."""
    names = tuple(f"P{number}" for number in range(1, 7))
    supply = spanish_supply(powers=tuple((name, 100_000) for name in names), tariff="3.0TD")
    over = tuple(QuarterDemand(watts, datetime(2026, 10, 14, 8, tzinfo=UTC)) for watts in (105_000, 103_000, 104_000))
    found = Energy(
        {name: PeriodEnergy(1_200_000) for name in names}, 745, 745, quarter_demands={"P4": over}, reactive_varh={}
    )
    prices = {"code": "fija", "kind": "fixed", "service": "electricity", "name": "Seis periodos", "power": "regulated",
              "from": date(2021, 6, 1), "energy": dict.fromkeys(names, "0.11")}  # fmt: skip
    return spanish_bill(found, supply=supply, prices=book(prices)), supply


def test_the_comparator_learns_the_monthly_fee_of_an_indexed_product():
    """3.9 € a month for 31 days: 3.97, inside the electricity tax; energy priced by the hour has no price of its period."""
    bill, supply = indexed()
    row, details = issued(bill, supply)
    row = replace(row, printed={**row.printed, "product": {"electricity": ["indexed", "Indexada"]}})
    query = parse_qs(urlsplit(comparator_url(InvoicePapers(row, details, (), None), supply)).query)
    assert query["tc"] == ["B1"]
    assert (query["impOtrosConIE"], query["impOtrosSinIE"]) == (["3.97"], ["0.83"])
    assert "prE1" not in query


@pytest.mark.parametrize("made", [indexed, six_periods, quarters])
@pytest.mark.parametrize("language", ["es", "en"])
def test_every_kind_of_bill_has_words_and_adds_up_on_paper(made, language):
    """A concept, a section or a unit without words would stop the printing of a whole run."""
    bill, supply = made()
    row, details = issued(bill, supply)
    row = replace(row, printed={**row.printed, "language": language})
    document, printed_in = invoice_document(
        InvoicePapers(row, details, (), None, registered=True), rules_of(load_profile(PROFILES / "demo-es"))
    )
    assert printed_in == language
    assert render_invoice(document, language).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("made", "name", "sum_of"),
    [
        (six_periods, "Exceso de potencia, P4", "6,4 kW × 31 días × 0,021891 €/kW·día"),
        (quarters, "Exceso de potencia por cuartos de hora, P4", "7,0711 kW × 0,424794 €/kW"),
    ],
)
def test_excess_by_quarters_of_an_hour_is_not_called_what_a_maximeter_reads(made, name, sum_of):
    bill, _ = made()
    (line,) = [line for line in bill.lines if line.concept == "excess_power"]
    printed = Line(**line.__dict__)
    spanish = edition("es", "es", "EUR")
    assert calculation.name(spanish, printed) == name
    assert calculation.written(spanish, printed).replace("\N{NO-BREAK SPACE}", " ") == sum_of


def test_the_highest_demand_is_that_of_the_quarters_where_no_maximeter_was_read():
    found = quarters()[0].energy["electricity"]
    assert found.highest_demand_w == {"P4": 105_000}
    assert replace(found, max_demand_w={"P4": 106_000, "P5": 9_000}).highest_demand_w == {"P4": 106_000, "P5": 9_000}
