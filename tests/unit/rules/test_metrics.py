"""docs/metrics.md says what the code makes, and metrics are made in one place."""

import re

import pytest

from services.chassis.telemetry.metrics import Metric
from tests.support.metrics_catalogue import ROOT, catalogue, page


def test_the_page_is_the_code() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page(), "run 'make docs'"


def test_metrics_are_made_in_one_place_only() -> None:
    allowed = ROOT / "services" / "chassis" / "telemetry"
    wrong = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "services").rglob("*.py")
        if not path.is_relative_to(allowed)
        and re.search(
            r"prometheus_client import .*(Counter|Histogram|Summary|REGISTRY)", path.read_text(encoding="utf-8")
        )
    ]
    assert not wrong, "use counter, gauge and histogram of services.chassis.telemetry"


@pytest.mark.parametrize("metric", catalogue().values(), ids=lambda metric: metric.name)
def test_names_and_labels_follow_the_trade(metric: Metric) -> None:
    assert re.fullmatch(r"coop_[a-z0-9_]+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.help and "|" not in metric.help
    if metric.looked:
        assert metric.labels[0] == "service"
    assert not set(metric.labels) & {"account", "member", "supply", "email", "name", "id", "key"}
