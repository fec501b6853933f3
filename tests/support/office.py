"""The office and the members of a running stack, as calls: what coopctl and the pages do, for tests that need many of them."""

import itertools
import json
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coop.billing.v1 import billing_pb2, billing_service_pb2, billing_service_pb2_grpc
from coop.common.v1 import operations_service_pb2, operations_service_pb2_grpc
from coop.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2, metering_service_pb2_grpc
from coop.notifications.v1 import notifications_service_pb2, notifications_service_pb2_grpc
from coop.supplies.v1 import supplies_service_pb2, supplies_service_pb2_grpc

from services.chassis.errors import Unavailable
from services.chassis.grpc.client import Clients, remote
from services.chassis.ids import new_id
from services.staff.office import Office as StaffOffice
from tests.support.stack import Stack

SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
PASSWORD = "una farola verde enciende"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.4


class Session:
    """Somebody signed in, with an access token that is renewed before it ends."""

    def __init__(self, stack: Stack, email: str, password: str) -> None:
        self.addresses = _addresses(stack)
        self._anonymous = Clients(self.addresses, dict)
        self._identity = self._anonymous.stub("identity", identity_service_pb2_grpc.IdentityServiceStub)
        self._lock = threading.Lock()
        with remote():
            signed = self._identity.SignIn(
                identity_service_pb2.SignInRequest(email=email, password=password, device="test"), timeout=60
            )
        self.account_id: str = signed.account.id
        self.session_token: str = signed.session_token
        self._access: Any = None
        self.clients = Clients(self.addresses, self._headers, deadline_s=60)

    def _headers(self) -> dict[str, str]:
        with self._lock:
            now = datetime.now(UTC)
            if self._access is None or (self._access.expires_at.ToDatetime(UTC) - now).total_seconds() < 15:
                request = identity_service_pb2.IssueAccessTokenRequest(session_token=self.session_token)
                self._access = self._identity.IssueAccessToken(request, wait_for_ready=True, timeout=60)
        return {"authorization": f"Bearer {self._access.access_token}"}

    @property
    def supplies(self) -> Any:
        return self.clients.stub("supplies", supplies_service_pb2_grpc.SuppliesServiceStub)

    @property
    def metering(self) -> Any:
        return self.clients.stub("metering", metering_service_pb2_grpc.MeteringServiceStub)

    @property
    def billing(self) -> Any:
        return self.clients.stub("billing", billing_service_pb2_grpc.BillingServiceStub)


def _addresses(stack: Stack) -> dict[str, str]:
    return {service: stack.grpc_address(service) for service in SERVICES}


class Office(Session):
    """A clerk with every role."""

    def import_members(self, rows: list[dict[str, str]]) -> Any:
        request_id = new_id()

        def messages() -> Iterator[Any]:
            for start in range(0, len(rows), 200):
                batch = [
                    supplies_service_pb2.MemberRow(line=start + number + 2, fields=row)
                    for number, row in enumerate(rows[start : start + 200])
                ]
                yield supplies_service_pb2.ImportMembersRequest(
                    request_id=request_id, file_name="members.csv", rows=batch
                )

        with remote():
            return self.supplies.ImportMembers(messages(), wait_for_ready=True, timeout=600)

    def import_readings(self, path: Path) -> Any:
        """The summary of one file's import."""

        def messages() -> Iterator[Any]:
            yield metering_service_pb2.ImportReadingsRequest(file_name=path.name)
            with path.open("rb") as file:
                while chunk := file.read(64 * 1024):
                    yield metering_service_pb2.ImportReadingsRequest(chunk=chunk)
            yield metering_service_pb2.ImportReadingsRequest(complete=True)

        summary = None
        with remote():
            for answer in self.metering.ImportReadings(messages(), wait_for_ready=True, timeout=900):
                if answer.WhichOneof("part") == "summary":
                    summary = answer.summary
        assert summary is not None
        return summary

    def bill(self, period: str, issue_date: str) -> Any:
        """Runs a month to its end; takes it up again as long as billing comes back from being killed."""
        request = billing_service_pb2.StartBillRunRequest(period=period, issue_date=issue_date, request_id=new_id())
        with remote():
            run = self.billing.StartBillRun(request, wait_for_ready=True, timeout=60).run
        while run.state != billing_pb2.BILL_RUN_STATE_COMPLETED:
            try:
                with remote():
                    watch = billing_service_pb2.WatchBillRunRequest(bill_run_id=run.id)
                    for seen in self.billing.WatchBillRun(watch, wait_for_ready=True, timeout=300):
                        run = seen.run
            except Unavailable:
                continue
        return run

    def settle(self, timeout_s: float = 300) -> None:
        """Waits until no event is under way anywhere: every outbox empty, every consumer caught up, twice in a row.

        Whoever is behind is asked alone until it is not, and less and less often: each answer costs the service, and on
        Kafka the broker too, work that the events wait for.
        """
        deadline = datetime.now(UTC).timestamp() + timeout_s
        calm = 0
        turn = itertools.cycle(SERVICES)
        pause, pause_s = threading.Event(), FIRST_PAUSE_S
        service = next(turn)
        while calm < 2 * len(SERVICES):
            if pending := self._under_way(service):
                if datetime.now(UTC).timestamp() > deadline:
                    raise AssertionError(f"{service} has {pending} events under way after {timeout_s} s")
                calm = 0
                pause.wait(pause_s)
                pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
                continue
            calm += 1
            service, pause_s = next(turn), FIRST_PAUSE_S
            if calm == len(SERVICES):
                pause.wait(FIRST_PAUSE_S)  # an event may have been on its way to somebody who was asked before

    def _under_way(self, service: str) -> int:
        stub = self.clients.stub(service, operations_service_pb2_grpc.OperationsServiceStub)
        try:
            with remote():
                lag = stub.GetLag(operations_service_pb2.GetLagRequest(), wait_for_ready=True, timeout=60)
        except Unavailable:
            return 1
        return int(lag.outbox_pending + lag.records_behind + lag.jobs_waiting)

    def rest(self, timeout_s: float = 600) -> None:
        """Waits until nothing is left to do: events settled, documents printed, mails delivered."""
        self.settle(timeout_s)
        pause = threading.Event()
        deadline = datetime.now(UTC).timestamp() + timeout_s
        billing = self.clients.stub("billing", operations_service_pb2_grpc.OperationsServiceStub)
        mails = self.clients.stub("notifications", notifications_service_pb2_grpc.NotificationsServiceStub)
        queued = notifications_service_pb2.ListMessagesRequest(state="queued", page_size=1)
        while (
            billing.GetLag(operations_service_pb2.GetLagRequest()).records_deferred
            or mails.ListMessages(queued).messages
        ):
            if datetime.now(UTC).timestamp() > deadline:
                raise AssertionError(f"documents or mails are still under way after {timeout_s} s")
            pause.wait(0.5)

    def dead_letters(self) -> list[Any]:
        found: list[Any] = []
        for service in SERVICES:
            stub = self.clients.stub(service, operations_service_pb2_grpc.OperationsServiceStub)
            found += stub.ListDeadLetters(operations_service_pb2.ListDeadLettersRequest()).dead_letters
        return found


def open_office(stack: Stack) -> Office:
    """Makes the first staff account with the one-time secret that the start left in the keys folder, and signs it in."""
    secret = (stack.folder / "keys" / "bootstrap-staff.secret").read_text().strip()
    identity = Clients(_addresses(stack), dict).stub("identity", identity_service_pb2_grpc.IdentityServiceStub)
    request = identity_service_pb2.BootstrapStaffRequest(
        secret=secret, email="office@example.org", password=PASSWORD, name="Office"
    )
    with remote():
        identity.BootstrapStaff(request, timeout=60)
    return Office(stack, "office@example.org", PASSWORD)


def staff_office(office: Office) -> StaffOffice:
    """The connection that coopctl would have with this office's session."""
    return StaffOffice(office.addresses, office.session_token)


def mails(stack: Stack, to: str, *, after: str = "", wait_s: int = 0) -> list[dict[str, Any]]:
    """The mails to one address, newest first, that came after the one with id ``after``; waits for one if said."""
    query = urllib.parse.urlencode({"to": to, "after": after, "wait": wait_s})
    with urllib.request.urlopen(f"{stack.mail_url}/api/messages?{query}", timeout=wait_s + 30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["messages"]
    return found


def mail_text(stack: Stack, mail_id: str) -> str:
    with urllib.request.urlopen(f"{stack.mail_url}/api/messages/{mail_id}", timeout=30) as answer:
        return str(json.load(answer)["text"])


def open_account(stack: Stack, email: str, name: str = "Test") -> Session:
    """Registers, follows the link of the activation mail, signs in."""
    identity = Clients(_addresses(stack), dict).stub("identity", identity_service_pb2_grpc.IdentityServiceStub)
    request = identity_service_pb2.RegisterRequest(
        email=email, password=PASSWORD, name=name, language="es", request_id=new_id()
    )
    earlier = mails(stack, email)
    with remote():
        identity.Register(request, timeout=60)
    came = mails(stack, email, after=earlier[0]["id"] if earlier else "", wait_s=60)
    assert came, f"no activation mail to {email} within 60 s"
    link = re.search(r"https?://\S+", mail_text(stack, came[0]["id"]))
    assert link, "the activation mail has no link"
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link[0]).query)
    token = query["token"][0] if "token" in query else link[0].rstrip("/").rpartition("/")[2]
    with remote():
        identity.Activate(identity_service_pb2.ActivateRequest(token=token, request_id=new_id()), timeout=60)
    return Session(stack, email, PASSWORD)
