"""One month of a small cooperative through the whole chain, and what must come out of it whatever happened on the way."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coop.billing.v1 import billing_service_pb2
from coop.supplies.v1 import supplies_service_pb2

from services.chassis.errors import CoopError, TimedOut, Unavailable
from tests.bench.cooperative import member_rows, write_reports
from tests.support.office import Office, mails
from tests.support.stack import Stack

SUPPLIES = 240
NUMBERS = range(1, SUPPLIES + 1)
MONTH = "2026-10"
ISSUED = "2026-11-02"
MAILS_S = 180


@dataclass(frozen=True)
class Outcome:
    """What an undisturbed and a disturbed run have in common."""

    #: CUPS -> (total, Wh) of its invoices; exactly one each.
    invoices: dict[str, list[tuple[str, int]]]
    numbers: list[str]
    #: Address -> how many mails it got.
    mails: dict[str, int]
    dead_letters: int


def insist(action: Any) -> Any:
    """Repeats a command of the office until the service is there to answer it, as a clerk would."""
    failure: CoopError | None = None
    for _ in range(20):
        try:
            return action()
        except (Unavailable, TimedOut) as error:
            failure = error
    raise AssertionError(f"the service did not come back: {failure}")


def run_chain(
    stack: Stack, office: Office, folder: Path, during: Callable[[str], AbstractContextManager[object]] = nullcontext
) -> Outcome:
    """Members, readings, bill run, mails; then the books are read. ``during`` goes around "import" and "bill"."""
    rows = member_rows(SUPPLIES, "fija-2026", "2026-01-01")
    reports = write_reports(folder, SUPPLIES, MONTH)
    with during("import"):
        insist(lambda: office.import_members(rows))
        for path in reports:
            insist(lambda path=path: office.import_readings(path))
    office.settle()
    with during("bill"):
        insist(lambda: office.bill(MONTH, ISSUED))
    office.settle()
    return read_outcome(stack, office)


def read_outcome(stack: Stack, office: Office) -> Outcome:
    invoices: dict[str, list[tuple[str, int]]] = {}
    numbers: list[str] = []
    for supply in all_supplies(office):
        request = billing_service_pb2.ListInvoicesRequest(supply_id=supply.id, page_size=100)
        found = office.billing.ListInvoices(request, wait_for_ready=True).invoices
        invoices[supply.cups] = [(invoice.total.amount, invoice.import_wh) for invoice in found]
        numbers += [invoice.number for invoice in found]
    addresses = [f"member{number}@example.org" for number in NUMBERS]
    sent = await_mails(stack, addresses)
    return Outcome(invoices, sorted(numbers), sent, len(office.dead_letters()))


def all_supplies(office: Office) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        request = supplies_service_pb2.ListSuppliesRequest(page_size=100, page_token=token)
        page = office.supplies.ListSupplies(request, wait_for_ready=True)
        found += page.supplies
        token = page.next_page_token
        if not token:
            return found


def await_mails(stack: Stack, addresses: list[str]) -> dict[str, int]:
    """How many different mails each address got, told by Message-ID, once each has one."""
    until = time.monotonic() + MAILS_S
    for address in addresses:
        found = mails(stack, address, wait_s=max(1, round(until - time.monotonic())))
        assert found, f"no mail to {address} within {MAILS_S} s"
    # Read again once everybody has one: a second one had all that time to come.
    return {address: len({mail["message_id"] for mail in mails(stack, address)}) for address in addresses}
