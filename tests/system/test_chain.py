"""The chain gives the same books when services are killed under it, and on PostgreSQL with Kafka."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from coop.billing.v1 import billing_service_pb2 as billing

from services.local.kafka import KafkaMissing
from services.local.runner import healthy
from services.staff.invoice_bundle import bundle_in, facts_of
from services.staff.invoice_explained import explained
from services.staff.verify.check import verify
from tests.support.needs import missing
from tests.support.office import open_office, staff_office
from tests.support.service_under_test import eventually
from tests.support.stack import StackDidNotStart, running_stack
from tests.system.chain import NUMBERS, SUPPLIES, run_chain
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


@pytest.mark.slow
@pytest.mark.timeout(300)
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
                    eventually(lambda name=name: healthy(stack.grpc_address(name)), 60)

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
@pytest.mark.timeout(300)
def test_postgresql_and_kafka_give_the_same_books(undisturbed: Undisturbed, tmp_path: Path) -> None:
    try:
        with running_stack(tmp_path / "stack", demo=False, production_like=True) as stack:
            outcome = run_chain(stack, open_office(stack), tmp_path)
    except (StackDidNotStart, KafkaMissing) as why:
        if "is not on this machine" in str(why) or "not installed" in str(why):
            missing(str(why))
        raise
    assert outcome == undisturbed.outcome
