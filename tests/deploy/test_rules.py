"""Alert rules and dashboard: valid, tried both ways, and about metrics, runbook entries and commands that exist."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from services.staff import status_findings
from services.staff.cli import application
from tests.deploy.promtool import promtool
from tests.support.metrics_catalogue import ROOT, catalogue

MONITORING = ROOT / "deploy" / "monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yaml"))
TRIED = sorted((MONITORING / "tests").glob("*.yaml"))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
#: Of the scraping itself and of Python's client library.
NOT_OURS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


ALERTS = {rule["alert"]: rule for path in RULES for group in _read(path)["groups"] for rule in group["rules"]}
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


def _checked(*arguments: str) -> None:
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TRIED, ids=lambda path: path.name)
def test_each_alert_fires_when_it_should_and_only_then(file: Path) -> None:
    _checked("test", "rules", str(file))


def test_the_queries_are_promql(tmp_path: Path) -> None:
    """promtool reads those of the dashboard as if they were recorded under a name."""
    recorded = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    (tmp_path / "dashboard.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    _checked("check", "rules", str(tmp_path / "dashboard.yaml"), *map(str, RULES))


@pytest.mark.parametrize("name", ["prometheus.yaml", "prometheus-kubernetes.yaml"])
def test_prometheus_takes_the_configuration(name: str, tmp_path: Path) -> None:
    config = _read(MONITORING / name)
    [scraped] = config["scrape_configs"]
    assert scraped["job_name"] == "acometida"
    if found := scraped.pop("kubernetes_sd_configs", None):  # which Debian's Prometheus is built without
        assert found == [{"role": "pod", "namespaces": {"names": ["acometida"]}}]
        scraped["static_configs"] = [{"targets": ["billing:9090"]}]
    config["rule_files"] = [str(path) for path in RULES]
    (tmp_path / name).write_text(yaml.safe_dump(config))
    _checked("check", "config", str(tmp_path / name))


def test_no_alert_is_untried() -> None:
    quiet, firing = set(), set()
    for file in TRIED:
        for group in _read(file)["tests"]:
            for tried in group["alert_rule_test"]:
                (firing if tried["exp_alerts"] else quiet).add(tried["alertname"])
    assert quiet == firing == set(ALERTS)


def _series(query: str) -> set[str]:
    """The names in a query that are neither function nor word nor label."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on|without|unless on) \([^)]*\)", "", query)
    return {name for name in re.findall(r"\b[a-z][a-z0-9_]*\b(?!\s*\()", bare) if "_" in name or name == "up"}


def _shown() -> set[str]:
    found = set(NOT_OURS)
    for metric in catalogue().values():
        endings = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        found |= {metric.name + ending for ending in endings}
    return found


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in ALERTS.values())])
def test_queries_ask_for_what_is_shown(query: str) -> None:
    assert _series(query), query
    assert _series(query) <= _shown()


def test_labels_that_queries_choose_by_exist() -> None:
    metrics = catalogue()
    for query in [*QUERIES, *(rule["expr"] for rule in ALERTS.values())]:
        for name, matchers in re.findall(r"\b(coop_[a-z0-9_]+)\{([^}]*)\}", query):
            metric = metrics.get(name) or metrics[name.removesuffix("_bucket")]
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= set(metric.labels), query


def test_the_dashboard_is_one() -> None:
    assert DASHBOARD["schemaVersion"] >= 36 and DASHBOARD["uid"] and DASHBOARD["title"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, f"{panel['title']} lies over another"
        taken |= cells
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}" and panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def _anchors() -> set[str]:
    """Of the headings, as the pages of repositories make them."""
    titles = re.findall(r"^#+ (.+)$", RUNBOOK, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_how_bad_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page == "docs/runbook.md" and anchor in _anchors()


def test_what_status_finds_is_in_the_runbook() -> None:
    source = Path(status_findings.__file__).read_text(encoding="utf-8")
    about = re.findall(r'Finding\(\s*\w+|Finding\(\s*"', source)
    named = set(re.findall(r'Finding\(\s*(?:name|"identity"), "(\w+)"', source))
    assert len(about) >= len(named) > 10
    assert {name.lower() for name in named} <= _anchors()


def _commands() -> set[str]:
    """`dead-letters`, `dead-letters retry` and all the others."""
    found: set[str] = set()

    def add(command: Any, words: tuple[str, ...]) -> None:
        found.add(" ".join(words))
        for name, one in getattr(command, "commands", {}).items():
            add(one, (*words, name))

    add(get_command(application()), ())
    return found


def test_the_runbook_names_commands_that_exist() -> None:
    known = _commands()
    told = re.findall(r"`coopctl ([^`]+)`|^ +coopctl (.+)$", RUNBOOK, re.M)
    assert len(told) > 15
    for inline, line in told:
        command, *rest = (inline or line).split()
        while rest and any(one.startswith(f"{command} ") for one in known):
            command = f"{command} {rest.pop(0)}"
        assert command in known, f"coopctl {inline or line}"
