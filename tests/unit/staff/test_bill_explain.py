"""`coopctl bill explain` and `invoice bundle`, with the engine's own bill of 55.44 € behind fake services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from coop.billing.v1 import billing_pb2, billing_service_pb2_grpc
from coop.billing.v1 import billing_service_pb2 as billing
from coop.common.v1.types_pb2 import Money
from coop.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2 as metering
from coop.metering.v1 import metering_service_pb2_grpc

from services.billing.domain.adjustments import BillTerms, Discount
from services.billing.domain.bill import Energy
from services.billing.facts_message import facts_message
from services.chassis.money import round_half_up
from services.staff.bill_explain import _rectified
from services.staff.cli import run
from services.staff.invoice_behind import behind, quarters_said
from services.staff.invoice_explained import calculation, rectified
from services.staff.session import Session, SessionFile
from tests.unit.billing.examples import BILL_A
from tests.unit.billing.test_basis import made
from tests.unit.billing.test_quarter_bundles import bundle as by_quarters
from tests.unit.billing.test_second_calculation import SIX, six_periods, supply_of
from tests.unit.billing.test_services_argentina import METERED, water_close
from tests.unit.billing.test_services_argentina import supply as argentine

SPANISH = made("es", supply_of("fija"), BILL_A)
WATER = made("ar", argentine(services=["water"]), Energy(closes=(water_close(18_000),)), rows=(METERED,))
FIRST = datetime(2026, 9, 30, 22, tzinfo=UTC)
BUNDLES = {"water": WATER, "quarters": by_quarters()}


class Services(
    billing_service_pb2_grpc.BillingServiceServicer,
    identity_service_pb2_grpc.IdentityServiceServicer,
    metering_service_pb2_grpc.MeteringServiceServicer,
):
    def __init__(self) -> None:
        self.asked: list[Any] = []

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        answer = identity_service_pb2.IssueAccessTokenResponse(access_token="token")
        answer.expires_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
        return answer

    def GetInvoice(self, request: Any, context: Any) -> Any:
        bundle = BUNDLES.get(request.invoice_id, SPANISH)
        invoice = billing_pb2.Invoice(id=request.invoice_id, number="E-2026-000001", account_number="5555/1")
        for line in bundle["invoice"]["lines"]:
            invoice.lines.add(concept=line["concept"], description=line["concept"].capitalize())
        for tax in bundle["invoice"]["taxes"]:
            invoice.taxes.add(tax=tax["kind"], description=tax["kind"].upper())
        if bundle is SPANISH:
            invoice.previous_total.CopyFrom(Money(amount="54.43", currency_code="EUR"))
            invoice.effects.add(
                cause="consumption", amount=Money(amount="1.96"), service="electricity", more="10", unit="kwh"
            )
            invoice.effects.add(cause="taxes", amount=Money(amount="-0.95"))
        return billing.GetInvoiceResponse(invoice=invoice)

    def GetInvoiceFacts(self, request: Any, context: Any) -> Any:
        bundle = BUNDLES.get(request.invoice_id, SPANISH)
        days = {"issue_date": "2026-11-02", "from": "2026-10-01", "to": "2026-11-01"}
        whole = {**bundle, "rules_sha256": "f" * 64, "invoice": {**bundle["invoice"], **days}}
        return facts_message(SimpleNamespace(id=request.invoice_id, supply_id="supply-1"), whole)  # type: ignore[arg-type]

    def GetCurve(self, request: metering.GetCurveRequest, context: Any) -> Any:
        self.asked.append(request)
        day = metering.DayCurve(day="2026-10-01")
        for number in range(3):
            hour = day.hours.add(import_wh=100 + number, method=(1, 2, 9)[number])
            hour.start.FromDatetime(FIRST + timedelta(hours=number))
        return metering.GetCurveResponse(days=[day], time_zone="Europe/Madrid", tariff="2.0TD")


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    server, served = grpc.server(ThreadPoolExecutor(2)), Services()
    billing_service_pb2_grpc.add_BillingServiceServicer_to_server(served, server)
    metering_service_pb2_grpc.add_MeteringServiceServicer_to_server(served, server)
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(served, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for name in ("BILLING", "METERING", "IDENTITY"):
        monkeypatch.setenv(f"COOP_{name}_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("COOP_CONFIG_DIR", str(tmp_path))
    SessionFile(tmp_path).save(Session("office@example.org", "Office", "good", "2026-12-01T00:00:00Z"))
    yield served
    server.stop(None)


def test_every_line_goes_down_to_its_price_its_row_and_its_hours(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bill", "explain", "E-2026-000001", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_line = {(line["concept"], line["period"]): line for line in found["lines"]}
    energy = by_line["energy", "P1"]
    assert energy["calculation"] == "62 kWh x 0.196 EUR per kWh"
    assert (energy["rows"][0]["table"], energy["rows"][0]["value"], energy["measured_in"]) == ("product", "0.196", [0])
    assert by_line["power", "P1"]["calculation"] == "4.6 kW x 31 days x 27.704413 EUR per kW and year / 365"
    assert by_line["meter_rental", ""]["calculation"] == "31 days x 0.81 EUR per month x 12 / 365"
    iee, iva = found["taxes"]
    assert len(iee["lines"]) == 5 and len(iva["lines"]) == 7 and iva["code"] in iee["taxed_by"]
    (span,) = found["measured"]
    assert span["curve"]["methods"] == {"1": 1, "2": 1, "9": 1}
    assert (span["curve"]["hours"], span["curve"]["measured"], span["curve"]["estimated"]) == (3, 2, 1)
    assert (span["curve"]["first"], span["curve"]["import_wh"]) == ("2026-10-01T00:00:00+02:00", 303)
    assert [(effect["cause"], effect["amount"]) for effect in found["difference"]["effects"]] == [
        ("consumption", "1.96"),
        ("taxes", "-0.95"),
    ]
    assert found["difference"]["amount"] == "1.01"
    (request,) = services.asked
    assert (request.supply_id, request.curve_version) == ("supply-1", BILL_A.curve_version)
    assert span["curve"]["missing"] == 742 and "by_hour" not in span["curve"]
    valley = by_line["energy", "P3"]
    assert (valley["hours"]["hours"], valley["behind"]) == (3, "3 hours, 1 of them estimated")


def test_every_hour_is_told_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bill", "explain", "E-2026-000001", "--hours"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Every hour Of line Hour Period Wh taken Wh given Method 5 2026-10-01T00:00:00+02:00 P3 100 0 1 5" in said
    assert run(["bill", "explain", "E-2026-000001", "--hours", "--json"]) == 0
    (span,) = json.loads(capsys.readouterr().out)["measured"]
    assert [(hour["import_wh"], hour["period"], hour["lines"]) for hour in span["curve"]["by_hour"]] == [
        (100, "P3", [5]),
        (101, "P3", [5]),
        (102, "P3", [5]),
    ]


def test_people_read_it_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bill", "explain", "E-2026-000001"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "3 Energy P1 62 kWh x 0.196 EUR per kWh" in said
    assert "iee rate 2" in said and "5.11269632" in said
    assert "1 measured: 1, 2 estimated: 1, 9 measured, doubtful: 1" in said
    assert "Consumption electricity 10 kWh 1.96" in said and "Difference 1.01" in said


def test_water_rests_on_the_readings_of_its_register(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bill", "explain", "water", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (span,) = found["measured"]
    assert span["curve"] is None and services.asked == []
    (close,) = span["readings"]
    assert close["used"] == 18_000 == close["final"] - close["initial"]
    assert close["reading_ids"] == list(water_close(18_000).reading_ids)
    assert found["difference"] is None
    assert run(["bill", "explain", "water"]) == 0
    assert "Readings" in capsys.readouterr().out


def test_the_calculation_of_every_line_gives_its_amount() -> None:
    """The words are the sum: read back, their factors give the printed amount."""
    for line in (*SPANISH["invoice"]["lines"], *WATER["invoice"]["lines"]):
        words = calculation(line, "EUR")
        if line["unit_price"] is None:
            assert (line["concept"], words) == ("sewage", "40 % of water")
            continue
        product, _, year = words.partition(" / ")
        figure = prod(Decimal(factor.split()[0]) for factor in product.split(" x ")) / Decimal(year or 1)
        assert round_half_up(figure) == Decimal(line["amount"]), line


def test_a_part_of_a_month_is_divided_by_the_days_of_that_month() -> None:
    line = {
        "concept": "fixed_charge",
        "service": "electricity",
        "period": "",
        "quantity": None,
        "unit": "",
        "days": 10,
        "unit_price": "1200",
        "price_unit": "month",
        "year_days": 31,
        "amount": "387.10",
    }
    assert calculation(line, "ARS") == "10 days x 1200 ARS per month / 31"


def test_demand_and_reactive_energy_are_told_with_what_was_read() -> None:
    measured = six_periods(max_demand_w={"P4": 26_400}, reactive_varh={"P4": 700_000})
    bundle = made("es", supply_of("seis", "3.0TD", rental=""), measured, rows=(SIX,))
    said = {line["concept"]: words for line, words in zip(bundle["invoice"]["lines"], behind(bundle), strict=True)}
    assert said["excess_power"] == "26.4 kW read, 20 kW contracted"
    assert said["reactive"] == "700 kVArh less 33 % of 444 kWh; cos φ 0.54"
    assert said["power"] == said["energy"] == ""


def test_excess_by_quarters_of_an_hour_is_told_down_to_its_root(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bill", "explain", "quarters", "--json"]) == 0
    lines = {line["period"]: line for line in json.loads(capsys.readouterr().out)["lines"] if line["quarters"]}
    assert lines["P4"]["calculation"] == "7.0711 kW x 0.424794 EUR per kW"
    assert lines["P4"]["behind"] == (
        "3 quarters of an hour above the 100 kW contracted, the highest 105 kW on 2026-10-14 at 10:00, "
        "104 kW on 2026-10-14 at 11:00, 103 kW on 2026-10-14 at 10:30; √(5² + 4² + 3²) = √50 = 7.0711 kW"
    )
    assert (lines["P4"]["quarters"]["count"], lines["P4"]["quarters"]["squares"]) == (3, "50")
    assert lines["P6"]["behind"] == (
        "1 quarter of an hour above the 100 kW contracted, the highest 112.5 kW on 2026-10-18 at 12:45; "
        "√(12.5²) = √156.25 = 12.5 kW"
    )
    assert run(["bill", "explain", "quarters"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "quarter_hour_excess 3.0TD" in said and "√50 = 7.0711 kW" in said.replace(
        "√50 = 7.0711 kW)", "√50 = 7.0711 kW"
    )


def test_more_than_three_quarters_are_counted() -> None:
    found = billing.QuarterExcess(contracted_watts=100_000, count=6, squares="52.25")
    for watts in (105_000, 104_000, 103_000):
        found.highest.add(watts=watts).start.FromDatetime(FIRST)
    said = quarters_said(found, "Europe/Madrid")
    assert said.startswith("6 quarters of an hour above") and "105 kW on 2026-10-01 at 00:00" in said
    assert said.endswith("√(5² + 4² + 3² + 3 more) = √52.25 = 7.2284 kW")


def test_a_discount_says_whose_it_is() -> None:
    terms = BillTerms(discounts=(Discount(amount=Decimal("3.33")),))
    bundle = made("es", supply_of("fija"), BILL_A, terms=terms)
    assert [each for each in behind(bundle) if each] == ["agreed for this bill"]
    bundle["segments"][0]["discount"], bundle["invoice"]["terms"]["discounts"] = "0.2", []
    assert [each for each in behind(bundle) if each] == ["20 % of the energy term, of the product"]
    bundle["segments"] *= 2  # the same percentage in both spans is one line
    assert [each for each in behind(bundle) if each] == ["20 % of the energy term, of the product"]
    bundle["segments"] = [bundle["segments"][0], {**bundle["segments"][0], "discount": "0.15"}]
    assert not any(behind(bundle)), "two percentages and one line: which is not known"


def test_what_a_rectifying_invoice_corrects_is_told() -> None:
    assert rectified(SPANISH) is None
    said = {
        "documents": [["E-2026-000002", "2026-11-02"]],
        "method": "I",
        "cause": "reading",
        "reason": "Read again",
        "interest": "0.14",
        "instalments": [["2026-12-11", "2.50"], ["2027-01-11", "2.49"]],
    }
    found = rectified({**SPANISH, "rectification": said})
    assert found is not None
    assert dict(_rectified(found, "EUR")) == {
        "Corrects": "E-2026-000002 of 2026-11-02, by difference",
        "Because of": "reading: Read again",
        "Interest": "0.14 EUR, on what was paid too much",
        "In parts": "2.50 by 2026-12-11, 2.49 by 2027-01-11",
    }
    plain = rectified({**SPANISH, "rectification": {**said, "reason": "", "interest": "0", "instalments": []}})
    assert plain is not None and dict(_rectified(plain, "EUR"))["Because of"] == "reading"
