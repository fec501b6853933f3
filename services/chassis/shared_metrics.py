"""Figures of several processes that answer at one address: each counts in files of its own, whoever is asked adds them up.

The library of metrics decides how it counts when it is imported, by a variable of the environment. So this module imports
none of it before `begin`, and `begin` comes before anything else of the program is imported.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from services.chassis.environment import for_libraries

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: Every process that works has said which version it is, in a gauge; the file goes when the process does.
_ALIVE = re.compile(r"gauge_livemin_(\d+)\.db")
#: Of figures of a process, those of which a sum would say nothing.
_NOT_SUMMED = {"process_start_time_seconds", "process_max_fds"}


def begin(name: str) -> Path:
    """An empty folder in the temporary directory for the files of this program's processes; what an earlier run of the
    same `name` left there is gone. The folder is its owner's alone.

    Raises OSError when the folder cannot be made, RuntimeError when metrics count in this process already.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError(
            "Figures are shared from the start or not at all: begin before anything imports the metrics."
        )
    folder = Path(tempfile.gettempdir()) / f"acometida-metrics-{os.getuid()}-{name}"
    if folder.exists():
        shutil.rmtree(folder)  # of a link it says so and leaves what is behind it alone
    folder.mkdir(mode=0o700)
    for_libraries(_VARIABLE, str(folder))
    return folder


def ended(folder: Path, pid: int) -> None:
    """A process is no more: what it had goes, what it counted stays in the sums."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid, str(folder))


def end(folder: Path) -> None:
    """The program ends: nobody will ask any more."""
    shutil.rmtree(folder, ignore_errors=True)


def text(folder: Path) -> bytes:
    """What all of them counted, in the format of the metrics' address, beside what the living take of the machine."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.process_collector import ProcessCollector
    from prometheus_client.registry import Collector

    class Living(Collector):
        def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
            found: dict[str, tuple[str, str, list[float]]] = {}
            for pid in _living(folder):
                for family in ProcessCollector(pid=partial(int, pid), registry=CollectorRegistry()).collect():
                    for sample in family.samples:
                        entry = found.setdefault(sample.name, (family.type, family.documentation, []))
                        entry[2].append(sample.value)
            for name, (kind, what, values) in found.items():
                made = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
                yield made(name, what, value=min(values) if name in _NOT_SUMMED else sum(values))

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(folder))
    registry.register(Living())
    return generate_latest(registry)


def _living(folder: Path) -> Iterable[int]:
    matches = (_ALIVE.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)
