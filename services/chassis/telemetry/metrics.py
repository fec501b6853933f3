"""Every metric of the platform is made here, so that docs/metrics.md, the alert rules and the dashboard can be checked
against what the code really shows.

Two kinds: what a process counts while it works (`counter`, `histogram`, `gauge`), and what is found by looking at the
database or the event log (`looked_up`), which `services.chassis.watch` does at intervals. The latter is shown as one
consistent set per look: a value that no longer exists vanishes, and none is missing in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True)
class Metric:
    """`kind` is "counter", "gauge" or "histogram"; `looked` says that it is found by looking, in processes that work."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    looked: bool = False


@dataclass(frozen=True)
class Reading:
    """A looked-up value. `labels` follow the metric's, without the first one, which is the service."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


CATALOGUE: dict[str, Metric] = {}
"""Every metric by its name, once the modules that make them are imported."""


def counter(name: str, help: str, labels: Sequence[str] = ()) -> Counter:
    """Counts up only; by convention its name ends in `_total`."""
    _note(Metric(name, "counter", help, tuple(labels)))
    return Counter(name, help, labels)


def gauge(name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
    """Goes up and down. Where several processes share their figures, the least of the living is shown: the certificate
    that ends first, 0 while one of them is not ready."""
    _note(Metric(name, "gauge", help, tuple(labels)))
    return Gauge(name, help, labels, multiprocess_mode="livemin")


def histogram(name: str, help: str, labels: Sequence[str] = (), **options: Any) -> Histogram:
    _note(Metric(name, "histogram", help, tuple(labels)))
    return Histogram(name, help, labels, **options)


def looked_up(name: str, help: str, labels: Sequence[str] = ()) -> Metric:
    """A gauge that a `services.chassis.watch.Watch` fills; its first label is always the service."""
    return _note(Metric(name, "gauge", help, ("service", *labels), looked=True))


def _note(metric: Metric) -> Metric:
    if metric.name in CATALOGUE:
        raise ValueError(f"The metric {metric.name} is made twice: give one of them another name.")
    CATALOGUE[metric.name] = metric
    return metric


class _Latest(Collector):
    """What the last look at each service of this process found."""

    def __init__(self) -> None:
        self._readings: dict[str, tuple[Reading, ...]] = {}

    def describe(self) -> list[Any]:
        return []

    def put(self, service: str, readings: Iterable[Reading]) -> None:
        self._readings[service] = tuple(readings)

    def forget(self, service: str) -> None:
        self._readings.pop(service, None)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for service, readings in dict(self._readings).items():
            for reading in readings:
                metric = reading.metric
                if metric.name not in families:
                    families[metric.name] = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
                families[metric.name].add_metric([service, *reading.labels], reading.value)
        return families.values()


LATEST = _Latest()
REGISTRY.register(LATEST)
