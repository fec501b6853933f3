"""Loads the demonstration cooperative as its office would: files in, months billed, payments recorded, members online.

Everything goes through the services' calls, never through a database. Every command carries a fixed request id and every
step is noted when it is done, so a load that was killed is simply started again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1.billing_pb2 import Invoice
from coop.common.v1 import operations_service_pb2 as operations
from coop.common.v1.types_pb2 import Money
from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from services.chassis.clock import local_date
from services.chassis.environment import load as load_settings
from services.chassis.errors import Refused, TimedOut, Unauthenticated
from services.chassis.periods import DatePeriod
from services.chassis.profile import Profile
from services.local.demo.collection import Due, issue_date, plan
from services.local.demo.cooperative import Cast, cast
from services.local.demo.generate import MONTHS, generate, months_before
from services.local.demo.logins import MEMBER_PASSWORD, STAFF_NAME, STAFF_PASSWORD, Logins, account_holders
from services.local.demo.members_online import Inbox, open_account
from services.local.demo.progress import LoadState
from services.staff import bill_runs
from services.staff.members import import_members
from services.staff.office import SERVICES, Office
from services.staff.readings import import_file
from services.staff.settings import StaffSettings
from services.staff.supplies import all_supplies

Say = Callable[[str], None]

MONTHS_WITH_ACCOUNTS = 2
"""The members open their accounts before the last runs, so that they find those invoices among their notices."""
LATEST_INVOICES = 10
"""Of a supply: five months with two documents each, more than anybody here leaves unpaid."""
SETTLE_S = 120.0
READERS = ("supplies", "metering", "notifications")
"""Who is waited for once invoices exist. Billing still renders hundreds of documents then, which nobody needs to wait for:
one that is asked for is rendered at once."""

__all__ = ["MEMBER_PASSWORD", "STAFF_PASSWORD", "Logins", "load"]


def load(environment: Mapping[str, str], profile: Profile, folder: Path, say: Say) -> Logins:
    """Loads what is not loaded yet into the running services that `environment` points to; returns who can sign in.

    Raises CoopError with a sentence when a service refuses or does not answer.
    """
    settings = load_settings(StaffSettings, environment)
    state = LoadState(folder / "demo", local_date(datetime.now(UTC), profile.tz))
    people = cast(
        profile.folder.name, profile.jurisdiction, [month.start for month in months_before(state.today, MONTHS)]
    )
    logins = Logins.of(profile, people)
    if state.is_done("everything"):
        return logins
    say("Loading the demonstration cooperative (the first start only)...")
    loading = _Loading(settings, profile, folder / "demo", state, say)
    try:
        loading.run(Inbox(environment["COOP_MAILBOX_ADDRESS"]))
    finally:
        loading.office.close()
    return logins


class _Loading:
    def __init__(self, settings: StaffSettings, profile: Profile, folder: Path, state: LoadState, say: Say) -> None:
        self._settings = settings
        self._profile = profile
        self._folder = folder
        self._state = state
        self._say = say
        self._supplies: list[str] = []
        self._paid: set[str] = set()
        self.office = Office(settings.addresses, tls_dir=settings.tls_dir)

    def run(self, inbox: Inbox) -> None:
        began = time.monotonic()
        state, office = self._state, self.office
        with self._step("files"):
            files = generate(self._profile.folder, self._folder, state.today)
        with self._step("office account"):
            self._sign_in()
        if not state.is_done("members"):
            with self._step(f"{len(files.cast.members)} members, {len(files.cast.supplies)} supplies"):
                answer = import_members(office, files.members_csv, "demo-members")
                if answer.refused:
                    first = answer.refused[0]
                    raise Refused(f"Line {first.line} of {files.members_csv} was refused: {first.reason}")
                self._settle(SERVICES)
            state.mark("members")
        self._import_readings([*files.reports, *files.closes, *files.water])
        early = files.months[:-MONTHS_WITH_ACCOUNTS]
        self._bill(early, files.cast)
        if not state.is_done("accounts"):
            with self._step("member accounts"):
                for member, with_supplies in account_holders(files.cast):
                    open_account(self._settings.addresses, inbox, member, with_supplies)
                self._settle(READERS)
            state.mark("accounts")
        self._bill(files.months[-MONTHS_WITH_ACCOUNTS:], files.cast)
        with self._step("last payments"):
            self._collect(files.cast, state.today)
            self._settle(READERS)
        with office.calling("identity"):
            office.identity.SignOut(identity.SignOutRequest())
        state.mark("everything")
        self._say(f"  loaded in {time.monotonic() - began:.0f} s")

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._say(f"  {what}: {time.monotonic() - began:.1f} s")

    def _sign_in(self) -> None:
        """Signs in as the office; on the very first start with the one-time secret that identity left on this machine."""
        email = self._profile.email
        try:
            self.office.sign_in(email, STAFF_PASSWORD, "Demonstration")
        except Unauthenticated:
            secret = (self._settings.keys_dir / "bootstrap-staff.secret").read_text(encoding="ascii").strip()
            request = identity.BootstrapStaffRequest(
                secret=secret, email=email, password=STAFF_PASSWORD, name=STAFF_NAME
            )
            with self.office.calling("identity"):
                self.office.anybody("identity", IdentityServiceStub).BootstrapStaff(request)
            self.office.sign_in(email, STAFF_PASSWORD, "Demonstration")

    def _import_readings(self, reports: list[Path]) -> None:
        if self._state.is_done("readings"):
            return
        with self._step("readings"):
            total = 0
            for number, report in enumerate(reports, start=1):
                summary = import_file(self.office, report)
                if summary.file_problem:
                    raise Refused(f"{report.name}: {summary.file_problem}")
                total += summary.accepted + summary.duplicates + summary.register_readings
                if number % 15 == 0 or number == len(reports):
                    self._say(f"  {number} of {len(reports)} files, {total:,} readings")
            self._settle(("metering", "billing"))
        self._state.mark("readings")

    def _bill(self, months: Iterable[DatePeriod], people: Cast) -> None:
        """Month after month, each when what was paid before it is recorded: an invoice names the debts of its day."""
        for month in months:
            period = f"{month.start:%Y-%m}"
            if self._state.is_done(f"bill {period}"):
                continue
            with self._step(f"invoices of {period}"):
                issued = issue_date(month.end, self._state.today)
                self._collect(people, issued)
                run = bill_runs.start(self.office, period, issued.isoformat(), f"demo-bill-{period}")
                bill_runs.wait(self.office, run.id)
            self._state.mark(f"bill {period}")

    def _collect(self, people: Cast, until: date) -> None:
        """Record the payments that came in until a day and are not recorded yet; open ones are among the latest."""
        self._supplies = self._supplies or [supply.id for supply in all_supplies(self.office)]
        invoices = [
            Due(
                number=invoice.number,
                account_number=invoice.account_number,
                issue_date=date.fromisoformat(invoice.issue_date),
                due_date=date.fromisoformat(invoice.due_date),
                total=Decimal(invoice.total.amount),
            )
            for supply_id in self._supplies
            for invoice in self._latest(supply_id)
        ]
        for payment in plan(invoices, people, until):
            if payment.invoice.number in self._paid:
                continue
            request = billing.RecordPaymentRequest(
                invoice=payment.invoice.number,
                amount=Money(amount=str(payment.invoice.total), currency_code=self._profile.currency),
                method=payment.method,
                paid_on=payment.paid_on.isoformat(),
                request_id=f"demo-payment-{payment.invoice.number}",
            )
            with self.office.calling("billing"):
                self.office.billing.RecordPayment(request)
            self._paid.add(payment.invoice.number)

    def _latest(self, supply_id: str) -> Sequence[Invoice]:
        request = billing.ListInvoicesRequest(supply_id=supply_id, page_size=LATEST_INVOICES)
        with self.office.calling("billing"):
            return self.office.billing.ListInvoices(request).invoices

    def _settle(self, services: Iterable[str]) -> None:
        """Returns once these services have told and heard everything: nothing in an outbox, nobody behind."""
        deadline = time.monotonic() + SETTLE_S
        pause = threading.Event()
        names = tuple(services)
        calm = 0
        # Twice in a row: an event may be on its way from one service to the next while they are asked one by one.
        while calm < 2:
            behind = {name: self._lag(name) for name in names}
            calm = calm + 1 if not any(behind.values()) else 0
            if calm < 2 and time.monotonic() > deadline:
                slow = ", ".join(f"{name} {count}" for name, count in behind.items() if count)
                raise TimedOut(f"Events are still on their way after {SETTLE_S:.0f} s ({slow}): look at the logs.")
            pause.wait(0.05)

    def _lag(self, service: str) -> int:
        with self.office.calling(service):
            lag = self.office.operations(service).GetLag(operations.GetLagRequest())
        return int(lag.outbox_pending + lag.records_behind + lag.jobs_waiting)
