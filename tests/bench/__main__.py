"""``make bench``: measurements of this machine, as one JSON document on standard output; progress goes to standard error.

``python -m tests.bench --supplies 2000`` sets the size of the import and of the chain. Figures with a limit are told
as ``{"measured": ..., "at_least": ...}`` or ``"at_most"``. Compare figures of one run with each other, not with those of
another machine; on a machine that does other work, look at those per processor second.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coop.billing.v1 import billing_pb2, billing_service_pb2
from coop.supplies.v1 import supplies_service_pb2

from services.chassis.eventlog import Record
from services.chassis.eventlog.factory import open_event_log
from services.chassis.ids import new_id
from tests.bench import billing, documents, metering, proofs
from tests.bench.cooperative import member_rows, write_reports
from tests.bench.load import descendants, memory_mb, processor_seconds, requests_per_second
from tests.support.office import Office, open_account, open_office
from tests.support.stack import Stack, free_base_port, running_stack

MONTH = "2026-10"
ISSUED = "2026-11-02"


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def event_latency(folder: Path) -> dict[str, float]:
    """Milliseconds from append to poll in another log handle of the same file, one event every 5 ms."""
    url = f"sqlite:///{folder / 'latency.db'}"
    writer, reader = open_event_log(url), open_event_log(url)
    writer.ensure_topics(["bench"], 4)
    delays: list[float] = []
    count = 600

    def read() -> None:
        with reader.consumer("bench", ["bench"]) as consumer:
            while len(delays) < count:
                for record in consumer.poll(1.0, max_records=100):
                    delays.append((time.time() - float(record.headers["at"])) * 1000)

    thread = threading.Thread(target=read)
    thread.start()
    pace = threading.Event()
    for number in range(count):
        writer.append([Record("bench", str(number % 16), b"x" * 200, {"at": repr(time.time())})])
        pace.wait(0.005)
    thread.join(30)
    writer.close()
    reader.close()
    cuts = statistics.quantiles(delays, n=100)
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2), "events": len(delays)}


@contextmanager
def bare_flask(folder: Path) -> Iterator[int]:
    """A Flask page that only says hello, behind the same gunicorn worker: what the home page is compared with."""
    (folder / "bare.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\n\n\n@app.get('/')\ndef hello():\n    return '<h1>Hello</h1>'\n"
    )
    port = free_base_port()
    arguments = [
        "-m",
        "gunicorn",
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        "16",
        "bare:app",
    ]
    process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "Booting worker" in line:
            break
    drain = threading.Thread(target=process.stderr.read, daemon=True)
    drain.start()
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def chain(stack: Stack, office: Office, folder: Path, supplies: int) -> dict[str, Any]:
    """Members, readings and a bill run, each timed to the moment the office sees it done."""
    say(f"  {supplies} members...")
    began = time.perf_counter()
    answer = office.import_members(member_rows(supplies, "fija-2026", "2026-01-01"))
    assert not answer.refused, answer.refused[:3]
    office.settle(300)
    members_s = time.perf_counter() - began
    say("  writing a month of readings...")
    reports = write_reports(folder, supplies, MONTH)
    megabytes = sum(path.stat().st_size for path in reports) / 1e6
    say(f"  importing {megabytes:.0f} MB...")
    began = time.perf_counter()
    accepted = sum(office.import_readings(path).accepted for path in reports)
    import_s = time.perf_counter() - began
    office.settle(300)
    say("  bill run...")
    began = time.perf_counter()
    run = office.bill(MONTH, ISSUED)
    run_s = time.perf_counter() - began
    assert (run.invoiced, run.held) == (supplies, 0), run
    return {
        "supplies": supplies,
        "members_per_s": round(supplies / members_s, 1),
        "readings": accepted,
        "import_readings_per_s": round(accepted / import_s),
        "bill_run_invoices_per_s": round(supplies / run_s, 1),
        "bill_run_s": round(run_s, 2),
    }


def home_page(stack: Stack, office: Office, folder: Path) -> dict[str, Any]:
    """Requests a second of a signed-in member's home page, beside a bare Flask page in the same run."""
    member = open_account(stack, "member1@example.org")
    request = supplies_service_pb2.RequestAssociationRequest(
        document="20000001" + "TRWAGMYFPDXBNJZSQVHLCKE"[20_000_001 % 23], birth_date="1970-01-01", request_id=new_id()
    )
    member.supplies.RequestAssociation(request)
    supply_id = ""
    wait = threading.Event()
    while not supply_id:
        found = member.supplies.ListMySupplies(supplies_service_pb2.ListMySuppliesRequest()).supplies
        supply_id = found[0].id if found else ""
        wait.wait(0.05)
    office.settle()
    debt = member.billing.GetDebtState(billing_service_pb2.GetDebtStateRequest(supply_id=supply_id)).debt
    assert isinstance(debt, billing_pb2.DebtState)
    headers = {"Cookie": f"coop-session={member.session_token}"}
    path = f"/s/{supply_id}/"
    requests_per_second(stack.port, path, headers, seconds=1)
    home = requests_per_second(stack.port, path, headers)
    with bare_flask(folder) as port:
        requests_per_second(port, "/", {}, seconds=1)
        bare = requests_per_second(port, "/", {})
    return {"home_per_s": round(home, 1), "bare_flask_per_s": round(bare, 1), "share": round(home / bare, 3)}


def idle(stack: Stack) -> dict[str, float]:
    """Memory of the whole system, and the share of one core it uses while nobody asks anything."""
    # The printing process ends by itself after 20 idle seconds.
    threading.Event().wait(35)
    pids = descendants(stack.process.pid)
    before, began = processor_seconds(pids), time.perf_counter()
    threading.Event().wait(15)
    used = processor_seconds(pids) - before
    share = used / (time.perf_counter() - began) * 100
    return {"processes": len(pids), "memory_mb": round(memory_mb(pids)), "idle_cpu_percent_of_a_core": round(share, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--supplies", type=int, default=2000)
    chosen = parser.parse_args()
    results: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}

    def found(name: str, figures: Any) -> None:
        """Told at once as well: a run that is cut short has said what it measured."""
        results[name] = figures
        say(f"  {json.dumps({name: figures})}")

    with tempfile.TemporaryDirectory(prefix="acometida-bench-") as name:
        folder = Path(name)
        say("Event latency...")
        found("event_latency", event_latency(folder))
        say("Documents...")
        (folder / "documents").mkdir()
        found("documents", documents.measure(folder / "documents"))
        say("Metering alone...")
        (folder / "metering").mkdir()
        found("metering", metering.measure(folder / "metering", chosen.supplies))
        say("Billing alone...")
        (folder / "billing").mkdir()
        found("billing", billing.measure(folder / "billing"))
        say("Proving every invoice of both demonstrations...")
        found("proofs", proofs.measure(folder / "proofs"))
        say("Starting the platform, empty...")
        began = time.perf_counter()
        with running_stack(folder / "stack", demo=False) as stack:
            found("start_s", round(time.perf_counter() - began, 1))
            office = open_office(stack)
            found("chain", chain(stack, office, folder, chosen.supplies))
            say("Waiting until every document is printed and every mail delivered...")
            began = time.perf_counter()
            office.rest()
            found("documents_and_mails_s", round(time.perf_counter() - began, 1))
            say("Home page...")
            found("page", home_page(stack, office, folder))
            say("Idling...")
            office.rest()
            found("idle", idle(stack))
        say("Second start...")
        began = time.perf_counter()
        with running_stack(folder / "stack", demo=False):
            found("second_start_s", round(time.perf_counter() - began, 1))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
