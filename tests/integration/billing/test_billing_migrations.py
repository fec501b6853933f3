"""A database with invoices comes through the migration that gives a month room for a document apart."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic import command

from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from tests.support.billing import NOW

RUN = {"id": "r1", "period": "2026-10", "issue_date": "2026-11-02", "state": "completed", "round": 1, "contracts": 1,
       "already_invoiced": 0, "invoiced": 1, "held": 0, "chunks": 1, "chunks_done": 1, "total": 5544,
       "started_at": "2026-11-02 00:00:00"}  # fmt: skip
INVOICE = {"id": "i1", "number": "E-1", "series": "E", "sequence": 1, "bill_run_id": "r1", "supply_id": "s", "service_id": "l",
           "member_id": "m", "account_number": "5555/1", "period_start": "2026-10-01", "period_end": "2026-11-01",
           "issue_date": "2026-11-02", "due_date": "2026-11-23", "currency": "EUR", "net": 4582, "total": 5544,
           "import_wh": 1, "hours_expected": 1, "hours_measured": 1, "hours_estimated": 0, "hours_missing": 0,
           "curve_version": 1, "printed": "{}", "previous_hash": "", "hash": "h", "issued_at": "2026-11-02 00:00:00"}  # fmt: skip
ITEM = {"invoice_id": "i1", "supply_id": "s", "number": "E-1", "due_date": "2026-11-23", "outstanding": 5544}


def insert(connection: sa.Connection, table: str, values: dict[str, object]) -> None:
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


@pytest.fixture
def schema_of() -> str:
    """None: these tests migrate themselves."""
    return ""


def test_invoices_of_the_schema_before_stay_and_stay_written_once(database_url: str) -> None:
    database = Database(database_url, service="billing", clock=FixedClock(NOW))
    config = migrations._config("billing")
    with database.write() as tx:
        config.attributes.update(connection=tx.connection, metadata=migrations.metadata_of("billing"))
        command.upgrade(config, "0003")
        for table, values in (("bill_run", RUN), ("invoice", INVOICE), ("open_item", ITEM)):
            insert(tx.connection, table, values)
    migrations.upgrade(database, "billing")
    with database.read() as connection:
        found = connection.execute(sa.text("SELECT number, total, kind, hash FROM invoice")).all()
        assert found == [("E-1", 5544, "service", "h")]
        assert connection.execute(sa.text("SELECT invoice_id FROM open_item")).scalar() == "i1"
    apart = {**INVOICE, "id": "i2", "number": "X-1", "series": "X", "kind": "foreign"}
    with database.write() as tx:
        insert(tx.connection, "invoice", apart)
    twice = {**apart, "id": "i3", "number": "X-2", "sequence": 2}
    stranger = {**ITEM, "invoice_id": "nobody"}
    for table, values in (("invoice", twice), ("open_item", stranger)):
        with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
            insert(tx.connection, table, values)
    with pytest.raises(sa.exc.DBAPIError, match="written once"), database.write() as tx:
        tx.connection.execute(sa.text("UPDATE invoice SET total = 1 WHERE id = 'i1'"))
    database.close()
