"""The chain gives the same books when services are killed under it, and on PostgreSQL with Kafka; an indexed contract in it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import market_service_pb2 as market
from coop.billing.v1.market_service_pb2_grpc import MarketServiceStub

from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, zone
from services.local.demo.reports import MeterReport, local_hours, write_report
from services.local.kafka import KafkaMissing
from services.local.runner import healthy
from services.staff.invoice_bundle import bundle_in, facts_of
from services.staff.invoice_explained import explained
from services.staff.verify.check import verify
from tests.bench.cooperative import member_rows
from tests.support.needs import missing
from tests.support.office import open_office, staff_office
from tests.support.service_under_test import eventually
from tests.support.stack import StackDidNotStart, running_stack
from tests.system.chain import ISSUED, MONTH, NUMBERS, SUPPLIES, run_chain
from tests.system.conftest import Undisturbed

HOURS_OF_OCTOBER = 745

#: Who is killed while the office imports and bills, one after the other.
KILLED = {
    "import": ["supplies", "metering", "identity", "metering"],
    "bill": ["billing", "metering", "billing", "notifications", "billing"],
}


def test_a_month_bills_every_supply_once_without_a_gap(undisturbed: Undisturbed) -> None:
    outcome = undisturbed.outcome
    assert len(outcome.invoices) == SUPPLIES
    assert all(len(found) == 1 for found in outcome.invoices.values())
    serials = sorted(int(re.findall(r"\d+", number)[-1]) for number in outcome.numbers)
    assert serials == list(NUMBERS)
    assert outcome.mails == {f"member{number}@example.org": 1 for number in NUMBERS}
    assert outcome.dead_letters == 0


def test_issued_invoices_are_calculated_again_from_their_bundles(undisturbed: Undisturbed) -> None:
    """By the second implementation, from hours that metering gives as they were billed."""
    clerk = staff_office(undisturbed.office)
    for number in [undisturbed.outcome.numbers[0], undisturbed.outcome.numbers[-1]]:
        facts = facts_of(clerk, number)
        bundle = bundle_in(clerk, facts)
        hours = [hour for segment in bundle["segments"] for hour in segment["hours"]]
        assert len(hours) == HOURS_OF_OCTOBER
        verdict = verify(bundle)
        assert verdict.differences == ()
        assert verdict.number == number
        invoice = clerk.billing.GetInvoice(billing.GetInvoiceRequest(invoice_id=number)).invoice
        said = explained(invoice, facts, bundle)
        assert all(part["rows"] for part in (*said["lines"], *said["taxes"]))
        (span,) = said["measured"]
        assert (span["curve"]["hours"], span["curve"]["import_wh"]) == (HOURS_OF_OCTOBER, invoice.import_wh)
        # The proof is in the hours: one Wh moved is found.
        hours[100][1] += 1
        assert not verify(bundle).holds
    clerk.close()


#: Wednesday, 14 October 2026: Wh and EUR/MWh (invented) by the hour in which they begin; all other hours are empty.
WORKED = {3: (150, "52.05"), 11: (420, "84.32"), 16: (310, "41.10")}


def test_an_indexed_contract_from_the_markets_file_to_the_proof(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Members file, readings, market prices, run: 0.088182 + 0.028217 + 0.011831 EUR, and 3.97 for the month."""
    office = undisturbed.office
    (row,) = member_rows(SUPPLIES + 1, "indexada-2026", "2026-01-01")[-1:]
    office.import_members([row])
    office.settle()
    days = DatePeriod.month(MONTH)
    hours = local_hours(days.start, days.end, zone("Europe/Madrid"))
    report = MeterReport(row["meter_serial"])
    prices = ["day;hour;price"]
    for number, hour in enumerate(hours):
        wh, price = WORKED.get(hour.hour, (0, "60")) if hour.day == date(2026, 10, 14) else (0, "60")
        report.add(hour.stamp, wh)
        first = next(place for place, each in enumerate(hours) if each.day == hour.day)
        prices.append(f"{hour.day};{number - first + 1};{price}")
    write_report(tmp_path / "BEN_S02_0_202610", "BEN4620000001", [report])
    assert office.import_readings(tmp_path / "BEN_S02_0_202610").accepted == HOURS_OF_OCTOBER
    office.settle()
    clerk = staff_office(office)

    run = office.bill(MONTH, ISSUED)
    held = clerk.billing.GetBillRun(billing.GetBillRunRequest(bill_run_id=run.id)).held
    assert (run.invoiced, [each.reason for each in held]) == (0, ["NO_MARKET_PRICE"])
    upload = market.UploadMarketPricesRequest(
        request_id=new_id(), file_name="omie.csv", content="\n".join(prices).encode()
    )
    clerk.stub("billing", MarketServiceStub).UploadMarketPrices(upload)
    assert office.bill(MONTH, ISSUED).invoiced == 1

    number = f"E-2026-{SUPPLIES + 1:06d}"
    invoice = clerk.billing.GetInvoice(billing.GetInvoiceRequest(invoice_id=number)).invoice
    lines = {f"{line.concept} {line.period}".strip(): line.amount.amount for line in invoice.lines}
    assert [lines[f"energy {period}"] for period in ("P1", "P2", "P3")] == ["0.09", "0.03", "0.01"]
    assert lines["management_fee"] == "3.97"
    bundle = bundle_in(clerk, facts_of(clerk, number))
    assert verify(bundle).holds
    (segment,) = bundle["segments"]
    assert len(segment["hours"]) == len(segment["priced_hours"]) == HOURS_OF_OCTOBER
    next(hour for hour in segment["priced_hours"] if hour[2] == 150)[3] = "0.152050"
    assert any("energy P3" in difference for difference in verify(bundle).differences)
    clerk.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_services_killed_in_turn_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    with running_stack(tmp_path / "stack", demo=False, settings={"COOP_MAIL_LEASE_SECONDS": "5"}) as stack:
        office = open_office(stack)
        killed: list[str] = []

        @contextmanager
        def during(phase: str) -> Iterator[None]:
            def kill_in_turn() -> None:
                for name in KILLED[phase]:
                    stack.kill(name)
                    killed.append(name)
                    # The next one falls once this one answers again, so that something of the chain always moves.
                    eventually(lambda name=name: healthy(stack.grpc_address(name)))

            killer = threading.Thread(target=kill_in_turn)
            killer.start()
            yield
            killer.join()

        outcome = run_chain(stack, office, tmp_path, during)
    assert killed == [*KILLED["import"], *KILLED["bill"]]
    assert outcome.invoices == undisturbed.outcome.invoices
    assert outcome.numbers == undisturbed.outcome.numbers
    assert outcome.dead_letters == 0
    # A mail that the server had taken when its sender was killed comes again under the same Message-ID, which is how mail
    # programs know it for the same; it counts once here, and none is lost.
    assert outcome.mails == undisturbed.outcome.mails


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_postgresql_and_kafka_give_the_same_books(undisturbed: Undisturbed, tmp_path: Path) -> None:
    try:
        with running_stack(tmp_path / "stack", demo=False, production_like=True) as stack:
            outcome = run_chain(stack, open_office(stack), tmp_path)
    except (StackDidNotStart, KafkaMissing) as why:
        if "is not on this machine" in str(why) or "not installed" in str(why):
            missing(str(why))
        raise
    assert outcome == undisturbed.outcome
