"""One laboratory for the session, namespaces of the tests' own, and what a failure leaves behind to look at."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.lab import PROJECT, Lab, LabMissing, started
from tests.support.needs import missing

TIMEOUT_S = 900
"""Of one test with its fixtures: the first one may build the lab's images."""

EVIDENCE = PROJECT / "var" / "k8s-failures"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "default")
_LAB = pytest.StashKey[Lab]()
_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab, built and up; a lab that was up before is used and stays."""
    try:
        with started() as running:
            request.config.stash[_LAB] = running
            yield running
    except LabMissing as why:
        missing(str(why))
    finally:
        if _LAB in request.config.stash:
            del request.config.stash[_LAB]


@pytest.fixture
def namespace(lab: Lab) -> Iterator[Callable[..., str]]:
    """Makes namespaces that exist as long as the test: namespace() with Pod Security "restricted", or other labels."""
    made: list[str] = []

    def make(labels: dict[str, str] = RESTRICTED) -> str:
        name = f"test-{os.getpid()}-{next(_NUMBERS)}"
        lab.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        made.append(name)
        return name

    yield make
    for name in made:
        lab.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """A failure keeps pods, events and logs of every namespace but the cluster's own, while they are still there."""
    report = yield
    lab = item.config.stash.get(_LAB, None)
    if report.failed and lab is not None:
        found = lab.kubectl("get", "namespaces", "--output", "name").split()
        namespaces = [name.removeprefix("namespace/") for name in found]
        evidence = lab.evidence([name for name in namespaces if name not in SYSTEM])
        EVIDENCE.mkdir(parents=True, exist_ok=True)
        file = EVIDENCE / f"{item.name.replace('/', '_')}-{report.when}.txt"
        file.write_text(evidence)
        report.sections.append(("the lab", f"{evidence[-6000:]}\nall of it: {file}"))
    return report
