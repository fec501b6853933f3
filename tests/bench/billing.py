"""What a bill run promises, measured: invoices a second on each database, and twice the supplies in twice the time.

The run goes through its use cases in this process, work item by work item as the consumer hands them over: read models,
pricing, numbers, fiscal records, facts, books and events; documents are printed later by another group and not in it.
Every figure stands beside its limit. ``python -m tests.bench.billing`` measures these alone; a number after it sets the supplies.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from coop.metering.v1 import metering_service_pb2 as metering
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import event

from services.billing.application.bill_runs import BillRuns
from services.billing.application.market_prices import MarketPrices
from services.billing.application.pricing import EnergyQuery, MonthPricer
from services.billing.domain.bill import Energy, PeriodEnergy
from services.billing.metering_client import energy_of
from services.billing.repository import runs
from services.billing.repository.runs import COMPLETED
from services.billing.rules import Rules, rules_of
from services.billing.snapshots import member_from_message, member_state, supply_from_message, supply_state
from services.billing.tables import member, supply
from services.chassis import migrations
from services.chassis.bulk import insert_many
from services.chassis.clock import FixedClock
from services.chassis.db import Database, RequestKey
from services.chassis.garbage import look_rarely
from services.chassis.profile import load_profile
from services.local.postgres import PostgresMissing, postgres_server
from tests.bench.metering import at_least, at_most
from tests.support.billing import NOW, ROOT, contract_message, member_message, supply_message

INDEXED = "indexada-2026"
MONTH, ISSUED = "2026-10", "2026-11-02"
SUPPLIES, MOST = 10_000, 50_000
HOURS = 745
#: So many curves are different from each other where bills go by the hour.
HOUSEHOLDS = 50


class HouseholdEnergy:
    """October's energy of each service, another one for each, as metering would have added it up; and hour by hour, as its
    client reads them from the answers, where a price needs them.
    """

    def energies(self, queries: Sequence[EnergyQuery]) -> list[Energy | None]:
        return [
            _by_the_hour(int(query.supply_id[1:])) if query.by_hour else _energy(int(query.supply_id[1:]))
            for query in queries
        ]


@cache
def _starts() -> tuple[Timestamp, ...]:
    """The hours of October 2026 in Madrid."""
    first = datetime(2026, 9, 30, 22, tzinfo=UTC)
    return tuple(Timestamp(seconds=int(first.timestamp()) + 3600 * hour) for hour in range(HOURS))


def _by_the_hour(number: int) -> Energy:
    return energy_of(metering.StreamBillableEnergyResponse.FromString(_answer(number % HOUSEHOLDS)))


@cache
def _answer(household: int) -> bytes:
    """What metering sends of one household's month."""
    hours = [
        metering.BillableHour(
            start=start, period=f"P{hour // 8 % 3 + 1}", import_wh=100 + (household * 7 + hour * 11) % 900
        )
        for hour, start in enumerate(_starts())
    ]
    sums = {period: sum(hour.import_wh for hour in hours if hour.period == period) for period in ("P1", "P2", "P3")}
    return metering.StreamBillableEnergyResponse(
        energy=[metering.PeriodEnergy(period=period, import_wh=wh) for period, wh in sums.items()],
        hours_expected=HOURS,
        hours_measured=HOURS,
        curve_version=1,
        hours=hours,
    ).SerializeToString()


def _energy(number: int) -> Energy:
    wh = {"P1": 40_000 + number * 7 % 30_011, "P2": 45_000 + number * 11 % 20_011, "P3": 80_000 + number * 13 % 70_001}
    return Energy({period: PeriodEnergy(each) for period, each in wh.items()}, HOURS, HOURS, 0, 0, 1)


@dataclass(frozen=True)
class Taken:
    """What a run took: seconds by the clock, and processor seconds of this process."""

    wall_s: float
    processor_s: float

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.wall_s + other.wall_s, self.processor_s + other.processor_s)


def fill(database: Database, supplies: int, product: str = "fija-2026") -> None:
    """The read models of a cooperative as the consumer keeps them, in one transaction; service "sNNNNNN-light" of each."""
    names = [f"s{number:06d}" for number in range(supplies)]
    told = [
        supply_from_message(
            supply_message(name, contract_message(name, product_code=product), account=f"{name[1:]}/1").supply
        )
        for name in names
    ]
    holders = [member_from_message(member_message(name)) for name in names]
    with database.write() as tx:
        insert_many(
            tx.connection,
            member,
            [{"member_id": each.id, "version": 1, "state": member_state(each)} for each in holders],
        )
        insert_many(
            tx.connection,
            supply,
            [
                {
                    "supply_id": each.id,
                    "version": 1,
                    "member_id": each.member_id,
                    "account_number": each.account_number,
                    "state": supply_state(each),
                    "billable_from": each.billable_span()[0],
                    "billable_to": each.billable_span()[1],
                }
                for each in told
            ],
        )


class BillingAlone:
    """Billing's database with a cooperative in it, and the run of its month."""

    def __init__(self, url: str, supplies: int, product: str = "fija-2026") -> None:
        look_rarely()  # as the process of a service does
        self._supplies = supplies
        self._database = Database(url, service="billing", clock=FixedClock(NOW))
        migrations.upgrade(self._database, "billing")
        rules = rules_of(load_profile(ROOT / "profiles" / "demo-es"))
        self._runs = BillRuns(self._database, rules, MonthPricer(self._database, rules, HouseholdEnergy()))
        fill(self._database, supplies, product)
        if product == INDEXED:
            _upload_prices(self._database, rules)
        self.taken = Taken(0, 0)
        self.statements = 0
        self.chunks = 0
        event.listen(self._database.engine, "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self.statements += 1

    @property
    def statements_per_chunk(self) -> int:
        """What the run asked of its database, begin and start of the run included, spread over its chunks."""
        return round(self.statements / self.chunks)

    def bill(self) -> Taken:
        """A whole run, from its start to its last invoice."""
        for _ in self.steps():
            pass
        return self.taken

    def steps(self) -> Iterator[None]:
        """The same, with a pause after each chunk that counts for nothing."""
        gc.collect()
        with self._timed():
            run = self._runs.start(RequestKey("bench", "run", "run"), MONTH, ISSUED).run
            with self._database.read() as connection:
                chunk_ids = runs.open_chunk_ids(connection, run)
        self.chunks = len(chunk_ids)
        for chunk_id in chunk_ids:
            with self._timed():
                priced = self._runs.price_chunk(chunk_id)
                with self._database.write() as tx:
                    self._runs.issue_chunk(tx, chunk_id, priced)
            yield
        run = self._runs.get(run.id).run
        assert (run.state, run.invoiced, run.held) == (COMPLETED, self._supplies, 0), run
        self._database.close()

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began, used = time.perf_counter(), time.process_time()
        yield
        self.taken += Taken(time.perf_counter() - began, time.process_time() - used)


def _upload_prices(database: Database, rules: Rules) -> None:
    rows = [f"{start.ToJsonString()};{40 + hour * 7 % 90}" for hour, start in enumerate(_starts())]
    file = "\n".join(["start;price", *rows]).encode()
    uploaded = MarketPrices(database, rules).upload(RequestKey("bench", "prices", "prices"), "bench", "omie.csv", file)
    assert uploaded.added == HOURS, uploaded


def together(once: BillingAlone, twice: BillingAlone) -> None:
    """Bills both, a chunk of the one after two of the other: whatever else the machine does is between both alike."""
    ahead = twice.steps()
    for _ in once.steps():
        list(islice(ahead, 2))
    for _ in ahead:
        pass


def measure(folder: Path, supplies: int = SUPPLIES) -> dict[str, Any]:
    """All figures of a bill run; those of PostgreSQL only where it is installed, and it is said where it is not."""
    alone = BillingAlone(f"sqlite:///{folder / 'alone.db'}", supplies)
    taken = alone.bill()
    return {
        "supplies": supplies,
        "invoices_per_s_sqlite": at_least(round(supplies / taken.wall_s), 1000),
        "invoices_per_processor_s_sqlite": round(supplies / taken.processor_s),
        "statements_per_chunk_sqlite": at_most(alone.statements_per_chunk, 40),
        "invoices_per_processor_s_by_the_hour": _by_hour(f"sqlite:///{folder / 'hourly.db'}", supplies // 10),
        **_doubled("sqlite", *(f"sqlite:///{folder / name}" for name in ("once.db", "twice.db"))),
        **_postgres(supplies),
    }


def _by_hour(url: str, supplies: int) -> dict[str, Any]:
    """At an indexed price: the hours of each supply are read from metering's answers, priced, and kept with its facts."""
    for household in range(HOUSEHOLDS):
        _answer(household)
    taken = BillingAlone(url, supplies, INDEXED).bill()
    return at_least(round(supplies / taken.processor_s), 250)


def _doubled(name: str, once_url: str, twice_url: str) -> dict[str, Any]:
    """What twice the supplies take, up to 50,000."""
    once, twice = BillingAlone(once_url, MOST // 2), BillingAlone(twice_url, MOST)
    together(once, twice)
    return {
        f"from_{MOST // 2}_to_{MOST}_supplies_{name}": at_most(round(twice.taken.wall_s / once.taken.wall_s, 3), 2.1),
        f"from_{MOST // 2}_to_{MOST}_supplies_{name}_in_processor_s": round(
            twice.taken.processor_s / once.taken.processor_s, 3
        ),
    }


def _postgres(supplies: int) -> dict[str, Any]:
    try:
        with postgres_server() as server:
            taken = BillingAlone(server.new_database(), supplies).bill()
            doubled = _doubled("postgresql", server.new_database(), server.new_database())
    except PostgresMissing as why:
        return {"postgresql": str(why)}
    return {
        "invoices_per_s_postgresql": at_least(round(supplies / taken.wall_s), 500),
        "invoices_per_processor_s_postgresql": round(supplies / taken.processor_s),
        **doubled,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="acometida-bench-") as name:
        print(json.dumps(measure(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else SUPPLIES), indent=2))
