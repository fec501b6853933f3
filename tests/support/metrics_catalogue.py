"""docs/metrics.md, written from what the code makes: `python -m tests.support.metrics_catalogue`."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from services.chassis.telemetry.metrics import CATALOGUE, Metric

ROOT = Path(__file__).resolve().parents[2]

_HEAD = """# Metrics

Every process shows its metrics in Prometheus' text format at `GET /metrics` of its `COOP_METRICS_ADDRESS`, beside Python's
own (`process_resident_memory_bytes`, `process_cpu_seconds_total`, `process_open_fds`). Names, labels and meanings are those
of the code: this page is written by `make docs`, and a test compares it.

Labels have few values and say nothing of persons: services, RPC methods, routes, consumers, event types, states.

* **of each process**: what it did since it started and what it has now. Counters and histograms are summed over processes.
  A gateway with several workers (`COOP_WEB_WORKERS`) shows one set for all of them, whichever answers: counters are the sums
  since the gateway started, those of workers that ended included; gauges are the least of the living, `process_*` their sums.
* **looked up**: what the database or the event log says, looked up every 10 seconds by each process with the role `work`
  (the books: every quarter of an hour). Every replica says the same: take the `max`.

`deploy/monitoring` has a configuration that scrapes them, alert rules, each with its place in [runbook.md](runbook.md), and a
dashboard for Grafana. `coopctl status` shows the looked-up ones without any of that. PostgreSQL and Kafka have exporters of
their own.
"""


def catalogue() -> dict[str, Metric]:
    """Every metric that some process of the platform makes, by name."""
    for path in sorted(ROOT.glob("services/**/*.py")):
        if re.search(r"= (looked_up|counter|gauge|histogram)\(", path.read_text(encoding="utf-8")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return CATALOGUE


def page() -> str:
    parts = [_HEAD]
    for title, looked in (("Of each process", False), ("Looked up", True)):
        parts.append(f"\n## {title}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n")
        for metric in sorted(catalogue().values(), key=lambda one: one.name):
            if metric.looked is looked:
                labels = ", ".join(f"`{label}`" for label in metric.labels)
                parts.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |\n")
    return "".join(parts)


if __name__ == "__main__":
    print(page(), end="")
