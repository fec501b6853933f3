"""Bills of the engine, calculated again by the independent implementation from nothing but their facts."""

import io
import json
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain.adjustments import BillTerms, Discount, StatedLine
from services.billing.domain.bill import Bill, Energy, PeriodEnergy
from services.billing.domain.concepts import NO_CONCEPTS, Concepts, concepts
from services.billing.domain.planning import Segment, plan
from services.billing.domain.pricing import price
from services.billing.domain.supplies import Contract, Service, Supply
from services.billing.evidence.facts import facts_of, printed_bill
from services.billing.evidence.rule_set import in_force, rule_set
from services.billing.jurisdictions import jurisdiction
from services.chassis.periods import DatePeriod
from services.staff.cli import run
from services.staff.verify.check import FORMAT, Verdict, verify
from services.staff.verify.numbers import Unverifiable
from tests.unit.billing.examples import BILL_A, BLOCKS, FIXED, OCTOBER, WATER, argentine_supply, book, energy

COUNTRIES = {"es": jurisdiction("es"), "ar": jurisdiction("ar")}
SIX = {**FIXED, "code": "seis", "energy": {f"P{n}": f"0.1{n}" for n in range(1, 7)}}
REGULATED = {**FIXED, "code": "regulada", "energy": "regulated"}
WORKS_FUND = concepts(
    [
        {
            "code": "works_fund",
            "on": "electricity",
            "account": "electricity",
            "per_month": "1200.00",
            "foreign": False,
            "approval": "Acta 88, punto 4",
            "approved_on": date(2025, 10, 30),
            "from": date(2026, 1, 1),
        }
    ],
    "concepts.toml",
)
PROMOTED = {**FIXED, "code": "promocion", "discounts": [{"percent": "20", "months": 3}, {"percent": "15"}]}


def bundle_of(
    country: str,
    bill: Bill,
    segments: tuple[Segment, ...],
    energies: list[Energy | None],
    terms: BillTerms | None = None,
    decided: Concepts = NO_CONCEPTS,
) -> dict[str, Any]:
    """The bundle of a bill, once through JSON as a file would be."""
    terms = terms or BillTerms()
    rules = json.loads(rule_set(COUNTRIES[country], decided).content)
    facts = facts_of(segments, energies, terms, "peninsula", bill.accrual_date)
    bundle = {
        "format": FORMAT,
        "jurisdiction": country,
        "time_zone": "Europe/Madrid",
        "currency": "EUR",
        "options": rules["options"],
        **in_force(rules, bill.period.start - timedelta(days=400), bill.period.end, bill.accrual_date),
        "segments": [{**segment, "hours": []} for segment in facts["segments"]],
        "invoice": {
            "number": "E-2026-000001",
            "issue_date": bill.accrual_date.isoformat(),
            "from": bill.period.start.isoformat(),
            "to": bill.period.end.isoformat(),
            "accrual_date": bill.accrual_date.isoformat(),
            "foreign": False,
            "terms": facts["terms"],
            **printed_bill(bill),
        },
    }
    return json.loads(json.dumps(bundle))  # type: ignore[no-any-return]


def again(
    country: str,
    supply: Supply,
    measured: Energy | None,
    *,
    period: DatePeriod = OCTOBER,
    issued: date = date(2026, 11, 2),
    terms: BillTerms | None = None,
    rows: tuple[dict[str, Any], ...] = (FIXED, BLOCKS, WATER),
    decided: Concepts = NO_CONCEPTS,
) -> Verdict:
    policy = COUNTRIES[country].policy
    segments = plan(supply, period, book(*rows), policy.regulated_energy)
    energies = [measured if segment.metered else None for segment in segments]
    bill = price(supply.id, period, segments, energies, policy, issued, terms or BillTerms(), decided)
    return verify(bundle_of(country, bill, segments, energies, terms, decided))


def supply_of(product: str, tariff: str = "2.0TD", **more: Any) -> Supply:
    names = ("P1", "P2") if tariff == "2.0TD" else tuple(f"P{n}" for n in range(1, 7))
    watts = more.pop("watts", 4600 if tariff == "2.0TD" else 20_000)
    powers = tuple((name, watts) for name in names)
    start = more.pop("start", date(2020, 1, 1))
    contract = Contract("c1", "C-1", start, None, product, tariff, powers, more.pop("rental", "single_phase"), **more)
    return Supply("supply-1", "5555/1", "m1", services=(Service("s1", "electricity", contracts=(contract,)),))


def test_the_worked_bill_holds_to_the_cent() -> None:
    verdict = again("es", supply_of("fija"), BILL_A)
    assert verdict.differences == ()
    assert verdict.calculated_total == Decimal("55.44")


SPANISH: dict[str, tuple[Supply, Energy, dict[str, Any]]] = {
    "cut tax of May 2026": (supply_of("fija"), BILL_A, {"issued": date(2026, 5, 31)}),
    "surplus above its cap": (supply_of("fija"), energy(export_wh=700_000, P1=62_000, P2=55_000, P3=128_000), {}),
    "across the year's end": (
        supply_of("fija"),
        BILL_A,
        {"period": DatePeriod(date(2025, 12, 10), date(2026, 1, 11)), "issued": date(2026, 1, 12)},
    ),
    "regulated energy": (supply_of("regulada"), BILL_A, {"rows": (REGULATED,)}),
    "promotion that ends inside": (
        supply_of("promocion", start=date(2026, 7, 15)),
        energy(P1=31_000, P2=20_500, P3=64_000),
        {"rows": (PROMOTED,)},
    ),
    "financing changed inside June": (
        supply_of("fija"),
        BILL_A,
        {"period": DatePeriod(date(2026, 6, 1), date(2026, 7, 1)), "issued": date(2026, 7, 1)},
    ),
    "invitation code and a stated fee": (
        supply_of("fija"),
        BILL_A,
        {
            "terms": BillTerms(
                discounts=(Discount(amount=Decimal("3.333")), Discount(wh=100_000, concept="invitation")),
                stated=(StatedLine("connection_fee", Decimal("9.04")), StatedLine("meter_rental", Decimal("0.83"))),
            )
        },
    ),
    "irrigation": (supply_of("fija", electricity_tax="irrigation"), BILL_A, {}),
}


@pytest.mark.parametrize("case", SPANISH)
def test_spanish_bills_hold(case: str) -> None:
    supply, measured, more = SPANISH[case]
    assert again("es", supply, measured, **more).differences == ()


def six_periods(**extra: Any) -> Energy:
    by_period = {f"P{n}": PeriodEnergy(n * 111_000) for n in range(1, 7)}
    return Energy(by_period, 745, 745, 0, 0, 1, **extra)


def test_excess_power_and_reactive_energy_hold() -> None:
    measured = six_periods(
        max_demand_w={"P4": 26_400, "P6": 19_000}, reactive_varh={"P4": 700_000, "P5": 900_000, "P6": 900_000}
    )
    verdict = again("es", supply_of("seis", "3.0TD", rental=""), measured, rows=(SIX,))
    assert verdict.differences == ()
    assert verdict.lines > 12


@pytest.mark.parametrize("use", ["dwelling", "other"])
@pytest.mark.parametrize("condition", ["consumer", "registered", "monotributo", "exempt"])
def test_argentine_bills_hold(use: str, condition: str) -> None:
    supply = argentine_supply(use, condition, water=True)
    assert again("ar", supply, energy(P1=221_000)).differences == ()


WH = st.integers(0, 2_000_000)
DAYS = st.dates(date(2026, 1, 1), date(2026, 11, 30))


@settings(max_examples=60, deadline=None)
@given(WH, WH, WH, WH, DAYS, st.integers(1, 60), st.integers(100, 15_000))
def test_any_dwelling_of_2026_holds(p1: int, p2: int, p3: int, out: int, first: date, days: int, watts: int) -> None:
    end = min(first + timedelta(days=days), date(2026, 12, 31))
    verdict = again(
        "es",
        supply_of("fija", watts=watts),
        energy(export_wh=out, P1=p1, P2=p2, P3=p3),
        period=DatePeriod(first, end),
        issued=end,
    )
    assert verdict.differences == ()


@settings(max_examples=40, deadline=None)
@given(WH, DAYS, st.integers(1, 60))
def test_any_household_in_blocks_holds(wh: int, first: date, days: int) -> None:
    """With what its assembly decided by the month: a part of one has its own length, months of different ones no price."""
    period = DatePeriod(first, first + timedelta(days=days))
    household = argentine_supply(water=True)
    verdict = again("ar", household, energy(P1=wh), period=period, issued=period.end, decided=WORKS_FUND)
    assert verdict.differences == ()


def test_a_part_of_a_month_of_an_older_bundle_is_that_of_its_year() -> None:
    """3,500 a month for 10 days of October: 1,129.03 by the month, and 1,150.68 by the year in what was issued before."""
    segments = plan(argentine_supply(), DatePeriod(date(2026, 10, 1), date(2026, 10, 11)), book())
    measured = [energy(P1=0)]
    bill = price("supply-2", OCTOBER, segments, measured, COUNTRIES["ar"].policy, date(2026, 11, 2))
    bundle = bundle_of("ar", bill, segments, list(measured))
    assert verify(bundle).differences == ()
    del bundle["segments"][0]["month_parts"]
    assert any("1150.68" in said for said in verify(bundle).differences)


def _bundle() -> dict[str, Any]:
    policy = COUNTRIES["es"].policy
    supply = supply_of("fija")
    segments = plan(supply, OCTOBER, book(FIXED))
    bill = price(supply.id, OCTOBER, segments, [BILL_A], policy, date(2026, 11, 2))
    return bundle_of("es", bill, segments, [BILL_A])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b: b["invoice"]["lines"][2].update(amount="12.16"), "energy P1"),
        (lambda b: b["invoice"].update(total="55.45"), "55.44"),
        (lambda b: b["segments"][0]["energy"]["P1"].update(import_wh=63_000), "energy P1"),
        (lambda b: b["segments"][0]["contract"]["powers_w"].update(P1=5_000), "power P1"),
        (lambda b: b["invoice"]["taxes"].pop(), "Taxes"),
        (lambda b: b["segments"][0].update(hours=[["2026-10-01T00:00:00+02:00", 62_001, 0, 1]]), "the hours hold"),
    ],
)
def test_whatever_is_changed_is_found(change: Any, said: str) -> None:
    bundle = _bundle()
    assert verify(bundle).holds
    change(bundle)
    assert any(said in difference for difference in verify(bundle).differences)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b: b.update(format="pdf"), "not an invoice bundle"),
        (lambda b: b.update(jurisdiction="fr"), "'fr'"),
        (lambda b: b["tables"].update(rate=[]), "electricity tax"),
        (lambda b: b.pop("segments"), "segments"),
        (lambda b: b["segments"][0].update(energy=[]), "damaged"),
        (lambda b: b["invoice"].update(total="a lot"), "damaged"),
    ],
)
def test_what_is_no_bundle_is_told_in_a_sentence(change: Any, said: str) -> None:
    bundle = _bundle()
    change(bundle)
    with pytest.raises(Unverifiable, match=said):
        verify(bundle)


def test_it_is_no_bundle_at_all() -> None:
    with pytest.raises(Unverifiable, match="list"):
        verify([])


def test_the_command_needs_no_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(_bundle()), encoding="utf-8")
    assert run(["invoice", "verify", str(file)]) == 0
    assert "7 lines give 55.44 again" in capsys.readouterr().out

    changed = _bundle()
    changed["invoice"]["lines"][2]["amount"] = "12.16"
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(changed)))
    assert run(["invoice", "verify", "-", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["holds"]
    assert any("12.16" in difference for difference in told["differences"])

    file.write_text("{", encoding="utf-8")
    assert run(["invoice", "verify", str(file)]) == 1
    assert "no JSON" in capsys.readouterr().err
    assert run(["invoice", "verify", str(tmp_path / "none")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_it_runs_alone(tmp_path: Path) -> None:
    """With the standard library only: no site packages, no generated code."""
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(_bundle()), encoding="utf-8")
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "services.staff.verify", str(file)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "holds: 55.44 printed, 55.44 calculated again" in done.stdout
