"""What printing promises, measured: invoices rendered, signed, stored durably and recorded, a second.

As the service does it: readers that share the work, each with a printing process, on the one database. Two months of a
cooperative are billed first, so that every invoice printed has one before it to be compared with. ``python -m
tests.bench.documents`` measures these alone; a number after it sets the invoices.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.billing.application.documents import Documents
from services.billing.documents import render_invoice
from services.billing.press import Press, processes
from services.billing.repository import invoices
from services.billing.signing import SigningKey, Verdict, ensure_self_signed, examine
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from tests.bench.figures import at_least, at_most
from tests.bench.load import descendants, processor_seconds
from tests.support.billing import NOW, STAFF, Office
from tests.unit.billing.documents import samples

INVOICES = 600
#: Both cores at forty a second.
MOST_MS = 50.0


def measure(folder: Path, count: int = INVOICES) -> dict[str, Any]:
    """Documents a second, and what one takes of a processor: that figure says the same on a machine with other work."""
    database = Database(f"sqlite:///{folder / 'documents.db'}", service="billing", clock=FixedClock(NOW))
    migrations.upgrade(database, "billing")
    office = Office(database, folder)
    supplies = office.add_supplies(count)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    with database.read() as connection:
        wanted = [invoices.of_supply(connection, each, before=None, limit=1)[0].id for each in supplies]
    key = ensure_self_signed(folder / "keys", "Bench", "es", NOW)
    documents = Documents(database, office.rules, office.blobs, "http://127.0.0.1:8000", key)
    readers, stop = processes(), threading.Event()
    press = Press(readers)
    keeper = threading.Thread(target=press.run, args=(stop,))
    keeper.start()

    def print_out(invoice_id: str) -> None:
        rendered = documents.render_invoice(invoice_id, press.invoice)
        with database.write() as tx:
            documents.record_invoice(tx, invoice_id, rendered)

    with ThreadPoolExecutor(readers) as pool:
        list(pool.map(print_out, wanted[:20]))  # the processes are up, the faces read
        everybody = descendants(os.getpid())
        began, used = time.perf_counter(), processor_seconds(everybody)
        list(pool.map(print_out, wanted[20:]))
        wall, processor = time.perf_counter() - began, processor_seconds(everybody) - used
    _check(documents, office, wanted[-1], key)
    stop.set()
    keeper.join()
    database.close()
    printed = count - 20
    return {
        "printed": printed,
        "processes": readers,
        "signed_and_stored_per_s": at_least(round(printed / wall, 1), 40),
        "processor_ms_each": at_most(round(1000 * processor / printed, 1), MOST_MS),
        "rendered_alone_per_s_in_one_process": pages_per_second(),
    }


def _check(documents: Documents, office: Office, invoice_id: str, key: SigningKey) -> None:
    """What was measured are documents that stand."""
    content = documents.invoice(office.invoices.get(STAFF, invoice_id).invoice.id).content
    assert examine(content, key.certificates).verdict is Verdict.GENUINE


def pages_per_second() -> float:
    """Invoices of one contract rendered by one process, neither signed nor stored."""
    document = samples.bill_a()
    render_invoice(document, "es")
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < 3:
        render_invoice(document, "es")
        count += 1
    return round(count / (time.perf_counter() - began), 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="acometida-bench-") as name:
        print(json.dumps(measure(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else INVOICES), indent=2))
