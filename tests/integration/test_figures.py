"""What each service looks up about itself, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert

from services.billing import figures as billing
from services.billing import tables as billing_tables
from services.chassis.clock import FixedClock
from services.chassis.db import TABLES, Database
from services.chassis.eventlog import open_event_log
from services.chassis.ids import new_id
from services.chassis.operations import no_jobs
from services.chassis.watch import Watch, Watched
from services.identity import figures as identity
from services.metering import figures as metering
from services.metering import tables as metering_tables
from services.notifications import figures as notifications
from services.notifications import tables as notifications_tables

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Look = Callable[[], dict[str, float]]


@pytest.fixture
def schema_of(request: pytest.FixtureRequest) -> str:
    return str(request.function.__name__).split("_")[1]


@contextmanager
def looking(url: str, folder: Path, watched: list[Watched]) -> Iterator[tuple[Look, Callable[..., None]]]:
    """What is seen, as "metric" or "metric label", and a way to put rows there."""
    database = Database(url, service="one", clock=FixedClock(NOW))
    with open_event_log(f"sqlite:///{folder}/log.db") as log:
        # Dear looks are taken each time here.
        often = [Watched(one.what, one.read) for one in watched]
        watch = Watch(database, log, [], no_jobs, often)

        def look() -> dict[str, float]:
            readings, problems = watch.now()
            assert not problems
            return {" ".join((one.metric.name, *one.labels)): one.value for one in readings}

        def put(table: Table, **values: Any) -> None:
            with database.write() as tx:
                tx.execute(insert(table).values(values))

        yield look, put
    database.close()


def mail(state: str, created_at: datetime) -> dict[str, Any]:
    about = {"event_id": new_id(), "kind": "invoice", "recipient": "a@example.org", "language": "es"}
    rest = {"template_version": 1, "data": {}, "attempts": 1, "last_error": ""}
    return {"id": new_id(), "state": state, "created_at": created_at, **about, **rest}


def test_notifications_tells_of_mails_and_of_its_outbox(database_url: str, tmp_path: Path) -> None:
    with looking(database_url, tmp_path, notifications.watched()) as (look, put):
        calm = look()
        assert calm["coop_mails_waiting"] == calm["coop_mails_age_seconds"] == calm["coop_outbox_age_seconds"] == 0
        for state, ago in (("queued", 1), ("queued", 3), ("failed", 2), ("failed", 30), ("delivered", 40)):
            put(notifications_tables.message, **mail(state, NOW - ago * HOUR))
        put(
            TABLES.outbox_event,
            event_id="e1",
            topic="t",
            key="k",
            value=b"",
            headers={},
            created_at=NOW - timedelta(minutes=7),
        )
        seen = look()
        assert (seen["coop_mails_waiting"], seen["coop_mails_age_seconds"]) == (2, 3 * 3600)
        assert seen["coop_mails_failed_24h"] == 1
        assert (seen["coop_outbox_pending"], seen["coop_outbox_age_seconds"]) == (1, 420)


def test_metering_tells_of_imports_that_did_not_end(database_url: str, tmp_path: Path) -> None:
    def file(received_at: datetime, finished_at: datetime | None, accepted: int) -> dict[str, Any]:
        counts = dict.fromkeys(
            ("duplicates", "superseded", "of_unknown_meters", "refused", "meters_with_readings", "seen_before"), 0
        )
        texts = {
            "file_name": "f",
            "sha256": "",
            "actor": "",
            "file_problem": "",
            "unknown_meters": [],
            "meter_errors": [],
        }
        times = {"received_at": received_at, "finished_at": finished_at}
        return {"id": new_id(), "accepted": accepted, **counts, **texts, **times}

    with looking(database_url, tmp_path, metering.watched()) as (look, put):
        assert look()["coop_imports_open"] == 0 == look()["coop_imports_age_seconds"]
        put(metering_tables.readings_import, **file(NOW - 2 * HOUR, None, 700))
        put(metering_tables.readings_import, **file(NOW - 5 * HOUR, NOW - 4 * HOUR, 900))
        put(metering_tables.readings_import, **file(NOW - 200 * HOUR, None, 1))
        seen = look()
        assert (seen["coop_imports_open"], seen["coop_imports_age_seconds"]) == (1, 2 * 3600)
        assert (seen["coop_imports_open_readings"], seen["coop_quarantined_rows"]) == (700, 0)


def test_billing_tells_of_runs_and_of_its_books(database_url: str, tmp_path: Path) -> None:
    def run(period: str, state: str, **counts: int) -> dict[str, Any]:
        started = {"issue_date": date(2026, 11, 2), "started_at": NOW - HOUR, "total": Decimal("0.00"), "round": 1}
        return {
            "id": new_id(),
            "period": period,
            "state": state,
            "contracts": 0,
            "already_invoiced": 0,
            **started,
            **counts,
        }

    with looking(database_url, tmp_path, billing.watched()) as (look, put):
        calm = look()
        assert (
            calm["coop_bill_runs_running"] == calm["coop_ledger_differences"] == calm["coop_bill_run_age_seconds"] == 0
        )
        assert calm["coop_charges_refused"] == calm["coop_charges_waiting"] == calm["coop_charges_age_seconds"] == 0
        assert calm["coop_ledger_checked_timestamp_seconds"] == NOW.timestamp()
        put(billing_tables.bill_run, **run("2026-09", "completed", invoiced=90, held=1, chunks=9, chunks_done=9))
        put(billing_tables.bill_run, **run("2026-10", "running", invoiced=40, held=2, chunks=9, chunks_done=4))
        for refusal, dropped_at in (("10015: no such document.", None), (None, None), ("10015", NOW)):
            told = {
                "net": Decimal("5.00"),
                "text": "A copy",
                "day": NOW.date(),
                "made_by": "staff:1",
                "made_at": NOW - HOUR,
            }
            state = {"refusal": refusal, "dropped_at": dropped_at}
            put(billing_tables.charge, id=new_id(), supply_id=new_id(), concept="copy", **told, **state)
        put(billing_tables.member_credit, supply_id=new_id(), amount=Decimal("5.00"))
        for signed, received_at in ((True, NOW - HOUR), (True, NOW - 25 * HOUR), (False, NOW)):
            refused = {"order_number": "0001A", "reason": "NOTIFICATION_DIFFERS", "why": "x", "claims": {}}
            put(billing_tables.refused_notification, received_at=received_at, signed=signed, **refused)
        file_id = new_id()
        told = {"sha256": "", "file_name": "f", "format": "csb43", "state": "taken", "problem": "", "findings": []}
        who = {"imported_by": "staff:1", "imported_at": NOW - 3 * HOUR}
        put(billing_tables.bank_file, id=file_id, movements=2, fresh=2, **told, **who)
        texts = dict.fromkeys(
            ("account", "end_to_end", "mandate", "party_name", "party_iban", "return_reason", "kind"), ""
        )
        days = {
            "booked_on": NOW.date(),
            "valued_on": NOW.date(),
            "amount": Decimal("0.00"),
            "currency": "EUR",
            "line": 1,
        }
        lists: dict[str, Any] = {"references": [], "texts": [], "candidates": []}
        for state in ("queued", "matched"):
            said = {"state": state, "rule": "", "sentence": "", "source": "statement", "format": "csb43"}
            row = {"id": new_id(), "file_id": file_id, "bank_reference": state, **said, **texts, **days, **lists}
            put(billing_tables.bank_movement, **row)
        seen = look()
        assert (seen["coop_bank_movements_waiting"], seen["coop_bank_movements_age_seconds"]) == (1, 3 * 3600)
        assert (seen["coop_card_notifications_refused_24h"], seen["coop_refunds_waiting"]) == (1, 0)
        assert (seen["coop_bill_runs_running"], seen["coop_bill_run_age_seconds"]) == (1, 3600)
        assert (seen["coop_bill_run_chunks done"], seen["coop_bill_run_chunks waiting"]) == (4, 5)
        assert (seen["coop_bill_run_supplies invoiced"], seen["coop_bill_run_supplies held"]) == (40, 2)
        assert (seen["coop_charges_refused"], seen["coop_charges_waiting"], seen["coop_charges_age_seconds"]) == (
            1,
            1,
            3600,
        )
        assert seen["coop_ledger_differences"] == 1, "a credit that the ledger knows nothing of"


def test_identity_tells_of_routines_and_of_backups_without_a_session(database_url: str, tmp_path: Path) -> None:
    with looking(database_url, tmp_path, identity.watched(tmp_path)) as (look, put):
        assert not any("routine" in name for name in look())
        (tmp_path / identity.LAST_BACKUP).write_text(json.dumps({"instant": (NOW - 5 * HOUR).isoformat()}))
        put(identity.routine, name="reminders", done_at=NOW - 2 * HOUR, done_by="staff:1")
        backup = "coop_routine_done_timestamp_seconds backup"
        assert look()[backup] == (NOW - 5 * HOUR).timestamp()
        put(identity.routine, name="backup", done_at=NOW - HOUR, done_by="staff:1")
        seen = look()
        assert seen[backup] == (NOW - HOUR).timestamp()
        assert seen["coop_routine_done_timestamp_seconds reminders"] == (NOW - 2 * HOUR).timestamp()
