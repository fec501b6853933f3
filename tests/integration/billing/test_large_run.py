"""Ten thousand supplies, and a worker killed three times: what is issued in the end, each invoice exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceIssued
from sqlalchemy import distinct, func, select

from services.billing.application.fiscal_records import FiscalRecords
from services.billing.tables import invoice, invoice_line, invoice_tax, ledger_posting, open_item
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from tests.bench.billing import fill
from tests.support.billing import NOW, ROOT, Office

PROGRAM = Path(__file__).with_name("bill_program.py")
SUPPLIES = 10_000
#: In which chunk of a hundred the worker dies, and where: outside, inside and after the chunk's transaction.
DEATHS = ((20, "priced"), (50, "issued"), (80, "committed"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_supplies_killed_three_times(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'billing.db'}"
    database = Database(url, service="billing", clock=FixedClock(NOW))
    migrations.upgrade(database, "billing")
    fill(database, SUPPLIES)
    office = Office(database, tmp_path)
    run_id = office.start().run.id
    chunks = office.waiting_chunks()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"}
    for number, moment in DEATHS:
        program = [sys.executable, str(PROGRAM), url, str(tmp_path), str(number), moment]
        died = subprocess.run(program, cwd=ROOT, env=environment, timeout=300, check=False)
        assert died.returncode == -signal.SIGKILL
        assert office.runs.get(run_id).run.chunks_done == number - (moment != "committed")
    for chunk_id in chunks:
        office.work(chunk_id)

    run = office.runs.get(run_id).run
    assert (run.state, run.invoiced, run.held, run.chunks_done) == ("completed", SUPPLIES, 0, 100)
    with database.read() as connection:

        def one(*columns):
            return tuple(connection.execute(select(*columns)).one())

        assert one(func.count(), func.count(distinct(invoice.c.supply_id)), func.max(invoice.c.sequence)) == (
            SUPPLIES,
            SUPPLIES,
            SUPPLIES,
        ), "one each, numbers without a gap"
        (total,) = one(func.sum(invoice.c.total))
        assert total == run.total == D("55.44") * SUPPLIES
        assert total == one(func.sum(invoice_line.c.amount))[0] + one(func.sum(invoice_tax.c.amount))[0]
        assert one(func.sum(open_item.c.outstanding)) == (total,)
        assert one(func.sum(ledger_posting.c.amount)) == (D(0),)
        hashes = connection.execute(select(invoice.c.previous_hash, invoice.c.hash).order_by(invoice.c.sequence)).all()
    assert [before for before, _ in hashes] == ["", *(after for _, after in hashes[:-1])]
    chain = FiscalRecords(database, office.rules.profile).check()
    assert (chain.records, chain.broken, chain.without_record) == (SUPPLIES, None, ())
    told = [event.supply_id for event in office.events(InvoiceIssued)]
    assert len(told) == len(set(told)) == SUPPLIES
    database.close()
