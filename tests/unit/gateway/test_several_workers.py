"""A gateway with two workers shows one set of figures: the sum of both, and of those that are no more."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from services.chassis.issuing import issue, new_authority
from services.local.ports import free_port
from tests.support.service_under_test import eventually

ROOT = Path(__file__).resolve().parents[3]
ALIVE = 'coop_http_requests_total{endpoint="health.alive",method="GET",status="200"}'


def get(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}", timeout=60) as answer:
        return str(answer.read().decode())


def children(pid: int) -> set[int]:
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()}


def certificates(folder: Path) -> Path:
    """A gateway's certificate, its key and the authority."""
    authority = new_authority("workers", datetime.now(UTC))
    made = issue(authority, "gateway", ["gateway"], datetime.now(UTC))
    (folder / "tls").mkdir()
    for name, content in (("tls.crt", made.certificate), ("tls.key", made.key), ("ca.crt", authority.certificate)):
        (folder / "tls" / name).write_bytes(content)
    return folder / "tls"


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """Without this worker: every request goes to the other one."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_the_figures_of_two_workers_are_their_sum_and_outlive_a_worker(tmp_path: Path) -> None:
    pages, figures = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environment = os.environ | {
        "COOP_DATA_DIR": str(tmp_path / "var"),
        "COOP_PROFILE_DIR": str(ROOT / "profiles" / "demo-es"),
        "COOP_HTTP_ADDRESS": pages,
        "COOP_METRICS_ADDRESS": figures,
        "COOP_WEB_WORKERS": "2",
        # As where services speak with certificates: checking them imports what counts.
        "COOP_TLS_DIR": str(certificates(tmp_path)),
        "COOP_DRAIN_SECONDS": "1",
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}",
    }
    # What a run that was killed left behind must not be counted.
    shared = tmp_path / f"acometida-metrics-{os.getuid()}-gateway-{pages.rpartition(':')[2]}"
    shared.mkdir()
    (shared / "counter_1.db").write_bytes(b"not of this run")
    gateway = subprocess.Popen(
        [sys.executable, "-m", "services.gateway", "serve"], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert gateway.stderr

    def until_started(workers: int) -> None:
        for line in gateway.stderr or ():
            workers -= '"worker_started"' in line
            if not workers:
                return

    def scraped() -> dict[str, float]:
        lines = [line.rpartition(" ") for line in get(f"{figures}/metrics").splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    try:
        until_started(2)
        first, second = sorted(children(gateway.pid))
        with asleep(first):
            for _ in range(3):
                get(f"{pages}/healthz")
        with asleep(second):
            for _ in range(4):
                get(f"{pages}/healthz")
        for _ in range(4):  # whichever of them is asked
            assert scraped()[ALIVE] == 7
        seen = scraped()
        assert seen['coop_http_request_seconds_count{endpoint="health.alive"}'] == 7
        builds = [value for name, value in seen.items() if name.startswith("coop_build_info{")]
        assert builds == [1]
        resident = seen["process_resident_memory_bytes"]
        each = [resident_of(pid) for pid in (first, second)]
        assert min(each) * 1.5 < resident
        os.kill(first, signal.SIGKILL)
        until_started(1)
        eventually(lambda: not (shared / f"gauge_livemin_{first}.db").exists())
        get(f"{pages}/healthz")
        assert scraped()[ALIVE] == 8
    finally:
        gateway.terminate()
        gateway.communicate(timeout=60)
    assert gateway.returncode == 0
    assert not shared.exists()


def resident_of(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found
    return int(found[1]) * 1024
