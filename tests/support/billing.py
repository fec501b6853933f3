"""Billing for tests: the events other services tell it, measured energy without a metering service, its use cases."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coop.billing.events.v1.events_pb2 import BillRunChunkReady
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from coop.supplies.events.v1.events_pb2 import AccessGranted, AccessRevoked, MemberChanged, SupplyChanged
from coop.supplies.v1 import supplies_pb2
from google.protobuf.message import Message
from sqlalchemy import select

from services.billing.application.accounts import Accounts, PaymentOrder, Recorded
from services.billing.application.bill_runs import BillRuns, RunState
from services.billing.application.certificates import Certificates
from services.billing.application.disputes import Disputes
from services.billing.application.documents import Documents
from services.billing.application.fiscal import fiscal_office
from services.billing.application.invoices import Invoices
from services.billing.application.positions import Positions
from services.billing.application.pricing import EnergyQuery, MonthPricer
from services.billing.application.rectifying import Rectifier
from services.billing.application.regularising import Corrections
from services.billing.consumers import corrections_subscription, read_model_subscription
from services.billing.domain.bill import Energy, PeriodEnergy
from services.billing.rules import Rules, rules_of
from services.chassis.blobs import BlobStore
from services.chassis.clock import FixedClock
from services.chassis.consumer import Envelope
from services.chassis.context import Principal
from services.chassis.db import TABLES, Database, RequestKey
from services.chassis.ids import new_id
from services.chassis.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
#: Saturday 21 November 2026, 17:00 in Madrid: bill A is issued and not yet due.
NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
STAFF = Principal("staff", "office", roles=frozenset({"billing"}))
CUPS = ["ES0575000000000877HA", "ES0575000000000001AR", "ES0575000000000002AW", "ES0575000000000123PP"]
_keys = itertools.count()


def member_message(name: str, /, version: int = 1, **changes: Any) -> MemberChanged:
    values: dict[str, Any] = {
        "member_id": f"{name}-member",
        "member_number": "5555",
        "name": "Ana Pérez",
        "document_type": "nif",
        "document": "12345678Z",
        "email": f"{name}@example.org",
        "language": "es",
        "postal_address": supplies_pb2.Address(
            street="Calle Mayor 1", postcode="44999", municipality="Vallesol", province="Teruel"
        ),
    }
    return MemberChanged(**{**values, **changes}, version=version)


def contract_message(name: str, **changes: Any) -> supplies_pb2.Contract:
    values: dict[str, Any] = {
        "id": f"{name}-contract",
        "number": f"C-{name}",
        "from": "2020-01-01",
        "product_code": "fija-2026",
        "tariff": "2.0TD",
        "powers": [
            supplies_pb2.ContractedPower(period="P1", watts=4600),
            supplies_pb2.ContractedPower(period="P2", watts=4600),
        ],
        "meter_rental": "single_phase",
        "tax_condition": "consumer",
        "use": "dwelling",
    }
    return supplies_pb2.Contract(**{**values, **changes})


def supply_message(
    name: str,
    *contracts: supplies_pb2.Contract,
    version: int = 1,
    account: str = "5555/1",
    cups: str = CUPS[0],
    water: bool = False,
) -> SupplyChanged:
    """A connected supply "<name>" with the service "<name>-light" (and "<name>-tap"), held by "<name>-member"."""
    services = [
        supplies_pb2.SupplyService(
            id=f"{name}-light",
            kind=supplies_pb2.SERVICE_KIND_ELECTRICITY,
            state=supplies_pb2.SERVICE_STATE_CONNECTED,
            meters=[supplies_pb2.Meter(**{"serial": "CIR4621247027", "from": "2020-01-01"})],
            contracts=contracts or [contract_message(name)],
        )
    ]
    if water:
        tap = contract_message(f"{name}-tap", product_code="agua-no-medida", tariff="", powers=[], meter_rental="")
        services.append(
            supplies_pb2.SupplyService(
                id=f"{name}-tap",
                kind=supplies_pb2.SERVICE_KIND_WATER,
                state=supplies_pb2.SERVICE_STATE_CONNECTED,
                contracts=[tap],
            )
        )
    supply = supplies_pb2.Supply(
        id=name,
        account_number=account,
        cups=cups,
        member_id=f"{name}-member",
        holder_name="Ana Pérez",
        address=supplies_pb2.Address(
            street="Calle Mayor 1", postcode="44999", municipality="Vallesol", province="Teruel"
        ),
        tariff_zone="peninsula",
        time_zone="Europe/Madrid",
        services=services,
    )
    return SupplyChanged(supply=supply, version=version)


def access(account_id: str, supply_id: str) -> AccessGranted:
    return AccessGranted(account_id=account_id, supply_id=supply_id, member_id=f"{supply_id}-member", relation="holder")


def no_access(account_id: str, supply_id: str) -> AccessRevoked:
    return AccessRevoked(account_id=account_id, supply_id=supply_id, member_id=f"{supply_id}-member")


def measured(missing: int = 0, expected: int = 745, **periods: int) -> Energy:
    """Energy by period in Wh; without periods, the 245 kWh of bill A."""
    by_period = periods or {"P1": 62_000, "P2": 55_000, "P3": 128_000}
    return Energy({key: PeriodEnergy(wh) for key, wh in by_period.items()}, expected, expected - missing, 0, missing, 7)


@dataclass
class MeasuredEnergy:
    """An EnergySource: every service has `usual`, unless `of` says otherwise (None: metering knows nothing)."""

    usual: Energy = field(default_factory=measured)
    of: dict[str, Energy | None] = field(default_factory=dict)
    calls: int = 0

    def energies(self, queries: Sequence[EnergyQuery]) -> list[Energy | None]:
        self.calls += 1
        return [self.of.get(query.service_id, self.usual) for query in queries]


class Office:
    """Billing's use cases on a database, at a fixed instant, with energy that tests decide."""

    def __init__(self, database: Database, folder: Path, profile: str = "demo-es", chunk_supplies: int = 100) -> None:
        self.database = database
        self.rules: Rules = rules_of(load_profile(ROOT / "profiles" / profile))
        self.energy = MeasuredEnergy()
        pricer = MonthPricer(database, self.rules, self.energy)
        self.runs = BillRuns(database, self.rules, pricer, chunk_supplies)
        rectifier = Rectifier(database, self.rules, pricer, fiscal_office(self.rules))
        self.corrections = Corrections(database, self.rules, rectifier)
        self.accounts = Accounts(database, self.rules)
        self.invoices = Invoices(database, self.rules)
        self.certificates = Certificates(database, self.rules)
        self.disputes = Disputes(database)
        self.positions = Positions(database, self.rules)
        self.blobs = BlobStore(folder / "documents")
        self.documents = Documents(database, self.rules, self.blobs, "http://127.0.0.1:8000")

    @property
    def clock(self) -> FixedClock:
        assert isinstance(self.database.clock, FixedClock)
        return self.database.clock

    def tell(self, *messages: Message) -> None:
        """Events of the supplies service, each handled as the consumer would."""
        subscription = read_model_subscription()
        for message in messages:
            name = message.DESCRIPTOR.full_name
            envelope = Envelope(new_id(), name, "supplies", NOW, "", "", "topic", "key")
            with self.database.write() as tx:
                subscription.handle_once(tx, message.SerializeToString(), envelope)

    def add_supplies(self, count: int, prefix: str = "s") -> list[str]:
        names = [f"{prefix}{number:05d}" for number in range(count)]
        for number, name in enumerate(names):
            self.tell(member_message(name), supply_message(name, account=f"{number + 1}/1"))
        return names

    def key(self) -> RequestKey:
        number = next(_keys)
        return RequestKey("test", f"request-{number}", f"fingerprint-{number}")

    def start(self, period: str = "2026-10", issue_date: str = "2026-11-02") -> RunState:
        return self.runs.start(self.key(), period, issue_date)

    def waiting_chunks(self) -> list[str]:
        """Work items sent out so far, in order."""
        return [event.chunk_id for event in self.events(BillRunChunkReady)]

    def work(self, chunk_id: str) -> None:
        """One chunk as the consumer handles it: priced outside, issued in a transaction."""
        priced = self.runs.price_chunk(chunk_id)
        with self.database.write() as tx:
            self.runs.issue_chunk(tx, chunk_id, priced)

    def bill(self, period: str = "2026-10", issue_date: str = "2026-11-02") -> RunState:
        """A whole run, done."""
        before = len(self.waiting_chunks())
        run_id = self.start(period, issue_date).run.id
        for chunk_id in self.waiting_chunks()[before:]:
            self.work(chunk_id)
        return self.runs.get(run_id)

    def hear(self, correction: ReadingCorrected, event_id: str = "") -> None:
        """What metering announces, handled as the consumer would; the same event id is the same event come again."""
        subscription = corrections_subscription(self.corrections)
        name = correction.DESCRIPTOR.full_name
        envelope = Envelope(event_id or new_id(), name, "metering", NOW, "", "", "topic", "key")
        prepared = subscription.prepare[ReadingCorrected](correction, envelope)
        with self.database.write() as tx:
            subscription.handle_once(tx, correction.SerializeToString(), envelope, prepared)

    def pay(self, invoice: str, amount: str, **changes: str) -> Recorded:
        order = {"currency": "EUR", "method": "transfer", "paid_on": "2026-11-20", "reference": "", **changes}
        return self.accounts.record_payment(self.key(), "staff:office", PaymentOrder(invoice, amount, **order))

    def events(self, kind: type[Message]) -> list[Any]:
        """Events of a kind emitted so far, in order."""
        with self.database.read() as connection:
            rows = list(connection.execute(select(TABLES.outbox_event).order_by(TABLES.outbox_event.c.id)))
        return [kind.FromString(row.value) for row in rows if row.headers["ce_type"] == kind.DESCRIPTOR.full_name]


def in_threads(count: int, work: Any) -> None:
    """Runs `work(number)` in threads at once; raises the first failure."""
    failures: list[BaseException] = []
    start = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
