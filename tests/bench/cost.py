"""What a thousand supplies cost each part of the platform: processor time, memory and stored bytes, step by step.

``python -m tests.bench.cost --supplies 1000 [--production-like]`` gives one JSON document. Processor time is little moved by
what else the machine does, so the figures hold on a busy one too. docs/scale.md builds on them.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from coop.billing.v1 import billing_service_pb2

from services.local.settings import SERVICES
from tests.bench.cooperative import member_rows, write_reports
from tests.bench.load import descendants, memory_mb, processor_seconds
from tests.support.office import Office, open_office
from tests.support.stack import Stack, running_stack
from tests.system.chain import all_supplies

MONTH, ISSUED = "2026-10", "2026-11-02"
_PROGRAMS = {"postgres": "postgres", "kafka.Kafka": "kafka"}


def measure(folder: Path, supplies: int, *, production_like: bool) -> dict[str, Any]:
    """Steps of the office's month, each with processor seconds and new megabytes of every part per 1,000 supplies."""
    with running_stack(folder / "stack", demo=False, production_like=production_like) as stack:
        office = open_office(stack)
        meter = _Meter(stack, supplies)
        steps = {"members": lambda: office.import_members(member_rows(supplies, "fija-2026", "2026-01-01"))}
        reports = write_reports(folder, supplies, MONTH)
        steps["a month of readings"] = lambda: [office.import_readings(path) for path in reports]
        steps["a month of bills"] = lambda: office.bill(MONTH, ISSUED)
        found: dict[str, Any] = {}
        for name, step in steps.items():
            step()
            office.settle(600)
            if name == "a month of bills":
                office.rest(900)
            found[name] = meter.since_last()
            print(f"  {name}: done", file=sys.stderr, flush=True)
        found["reading every bill once"] = _read_bills(office, meter)
        return {"supplies": supplies, "steps": found, "memory_mb": meter.memory()}


def _read_bills(office: Office, meter: "_Meter") -> dict[str, Any]:
    for supply in all_supplies(office):
        request = billing_service_pb2.ListInvoicesRequest(supply_id=supply.id, page_size=12)
        office.billing.ListInvoices(request)
        office.billing.GetDebtState(billing_service_pb2.GetDebtStateRequest(supply_id=supply.id))
    return meter.since_last()


class _Meter:
    """Processor time and bytes of every part since it was last looked at, per 1,000 supplies."""

    def __init__(self, stack: Stack, supplies: int) -> None:
        self._stack = stack
        self._thousands = supplies / 1000
        said = " ".join(stack.said)
        found = re.search(r"PostgreSQL on 127\.0\.0\.1:(\d+)", said)
        self._postgres_port = int(found[1]) if found else 0
        self._seconds = self._processor()
        self._bytes = self._stored()

    def since_last(self) -> dict[str, Any]:
        seconds, stored = self._processor(), self._stored()
        found = {
            "processor_s": {
                part: round((seconds[part] - self._seconds.get(part, 0.0)) / self._thousands, 2) for part in seconds
            },
            "stored_mb": {
                part: round((stored[part] - self._bytes.get(part, 0)) / 1e6 / self._thousands, 2) for part in stored
            },
        }
        self._seconds, self._bytes = seconds, stored
        return found

    def memory(self) -> dict[str, float]:
        """Megabytes, shared pages counted once."""
        return {part: round(memory_mb(pids), 1) for part, pids in self._parts().items()}

    def _parts(self) -> dict[str, list[int]]:
        parts = {name: descendants(self._stack.pid(name)) for name in (*SERVICES, "gateway")}
        known = {pid for pids in parts.values() for pid in pids}
        for pid in descendants(self._stack.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            for word, part in _PROGRAMS.items():
                if pid not in known and word in command:
                    parts.setdefault(part, []).append(pid)
        if self._postgres_port and "postgres" not in parts:
            parts["postgres"] = self._server()
        return parts

    def _server(self) -> list[int]:
        """The server's processes: its own session, since pg_ctl leaves it behind."""
        with self._connect("postgres") as link:
            (file,) = link.execute("SHOW data_directory").fetchone() or ("",)
        return descendants(int((Path(file) / "postmaster.pid").read_text().split()[0]))

    def _processor(self) -> dict[str, float]:
        return {part: processor_seconds(pids) for part, pids in self._parts().items()}

    def _stored(self) -> dict[str, int]:
        data = self._stack.folder
        found = {"documents": sum(file.stat().st_size for file in (data / "documents").rglob("*") if file.is_file())}
        if self._postgres_port:
            for service in SERVICES:
                with self._connect(service) as link:
                    (size,) = link.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
                    found[service] = int(size)
        else:
            for file in (data / "data").glob("*.db*"):
                part = file.name.split(".")[0]
                found[part] = found.get(part, 0) + file.stat().st_size
        return found

    def _connect(self, database: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(f"host=127.0.0.1 port={self._postgres_port} user=postgres dbname={database}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost")
    parser.add_argument("--supplies", type=int, default=1000)
    parser.add_argument("--production-like", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="acometida-cost-") as folder:
        found = measure(Path(folder), chosen.supplies, production_like=chosen.production_like)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
