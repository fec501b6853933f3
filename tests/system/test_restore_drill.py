"""The drill: a backup under load, everything destroyed, everything brought back, and the month billed to its end.

Between the backup and the loss the office went on billing. What it did then is gone with the machine; done again it gives
one invoice for each supply without a gap, sound books, and no event told or heard that the databases do not know.
"""

import json
import shutil
import signal
import sqlite3
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from coop.billing.v1 import audit_service_pb2 as audit
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import fiscal_service_pb2 as fiscal
from coop.billing.v1 import payments_service_pb2 as payments
from coop.billing.v1.audit_service_pb2_grpc import InvoiceAuditServiceStub
from coop.billing.v1.fiscal_service_pb2_grpc import FiscalServiceStub
from coop.billing.v1.payments_service_pb2_grpc import PaymentsServiceStub

from services.chassis.clock import SystemClock
from services.chassis.ids import new_id
from services.staff.backup.check import check
from services.staff.backup.create import Taken, create
from services.staff.backup.restore import restore
from tests.bench.cooperative import member_rows, write_reports
from tests.support.office import PASSWORD, Office, open_office
from tests.support.stack import Stack, running_stack
from tests.system.chain import ISSUED, MONTH, all_supplies, await_mails

SUPPLIES = 80
PATIENCE_S = 120.0
"""Bringing a small cooperative back takes seconds; on a machine that is busy with other things too it must not take longer."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def destroyed(tmp_path: Path) -> tuple[Taken, str]:
    """A backup taken while bills were being issued, and the code of a certificate granted before; the machine is gone."""
    with running_stack(tmp_path / "var", demo=False) as stack:
        office = open_office(stack)
        office.import_members(member_rows(SUPPLIES, "fija-2026", "2026-01-01"))
        for report in write_reports(tmp_path, SUPPLIES, MONTH):
            office.import_readings(report)
        office.settle()
        request = billing.RequestCertificateRequest(supply_id=all_supplies(office)[0].id, request_id=new_id())
        code = office.billing.RequestCertificate(request).granted.code
        biller = threading.Thread(target=office.bill, args=(MONTH, ISSUED))
        biller.start()
        taken = create(tmp_path / "var", tmp_path / "kept", SystemClock())
        biller.join()
        _lose(stack)
    shutil.rmtree(tmp_path / "var")
    return taken, code


def _lose(stack: Stack) -> None:
    """The power fails: the runner and everything it started, at once."""
    names = [path.stem for path in (stack.folder / "logs").glob("*.pid")]
    stack.process.send_signal(signal.SIGKILL)
    stack.process.wait()
    for name in names:
        stack.kill(name)


def test_a_month_goes_on_after_everything_was_lost(destroyed: tuple[Taken, str], tmp_path: Path) -> None:
    taken, code = destroyed
    assert check(taken.file).problems == []
    began = time.monotonic()
    restore(taken.file, tmp_path / "var", SystemClock())
    with running_stack(tmp_path / "var", demo=False) as stack:
        seconds = time.monotonic() - began
        office = Office(stack, "office@example.org", PASSWORD)
        office.bill(MONTH, ISSUED)
        office.settle()
        numbers = []
        for supply in all_supplies(office):
            request = billing.ListInvoicesRequest(supply_id=supply.id, page_size=10)
            (invoice,) = office.billing.ListInvoices(request).invoices
            numbers.append(invoice.number)
        assert sorted(numbers) == [f"E-2026-{number:06d}" for number in range(1, SUPPLIES + 1)]
        with urllib.request.urlopen(
            f"{stack.base_url}/api/v1/verifications/{code.replace(' ', '')}", timeout=30
        ) as answer:
            assert json.load(answer)["state"] == "valid"
        books = office.clients.stub("billing", PaymentsServiceStub).GetBooksCheck(payments.GetBooksCheckRequest())
        assert list(books.differences) == []
        told = office.clients.stub("billing", FiscalServiceStub).VerifyFiscalRecords(
            fiscal.VerifyFiscalRecordsRequest()
        )
        assert (told.records, told.HasField("broken"), list(told.without_record)) == (SUPPLIES, False, [])
        chains = office.clients.stub("billing", InvoiceAuditServiceStub).VerifyInvoices(audit.VerifyInvoicesRequest())
        assert [(each.invoices, each.why) for each in chains.series] == [(SUPPLIES, "")]
        assert office.dead_letters() == []
        await_mails(stack, [f"member{number}@example.org" for number in range(1, SUPPLIES + 1)])
    _nothing_unheard_of(tmp_path / "var" / "data")
    assert seconds < PATIENCE_S, f"{seconds:.1f} s from the backup's file to an open door"


def _nothing_unheard_of(data: Path) -> None:
    """Each event that a service handled was told, once under its id; each invoice that was told of is in billing's books."""
    log = sqlite3.connect(data / "eventlog.db")
    headers = [json.loads(row[0]) for row in log.execute("SELECT headers FROM record")]
    log.close()
    told = {each["ce_id"] for each in headers}
    for service in ("supplies", "metering", "billing", "notifications"):
        database = sqlite3.connect(data / f"{service}.db")
        heard = {row[0] for row in database.execute("SELECT event_id FROM inbox_event")}
        database.close()
        assert heard <= told, f"{service} heard of events that nobody told"
    issued = {each["ce_id"] for each in headers if each["ce_type"].endswith("InvoiceIssued")}
    assert len(issued) == SUPPLIES
