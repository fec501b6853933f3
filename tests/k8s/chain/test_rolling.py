"""A new version under the members' hands, and back to the one before: every Deployment at once, no page that fails."""

from __future__ import annotations

import time

from tests.k8s.chain.conftest import Cooperative
from tests.k8s.chain.installation import DEPLOYMENTS
from tests.k8s.chain.report import note
from tests.k8s.chain.traffic import Seen, traffic
from tests.k8s.lab import IMAGE

NEXT = "localhost/acometida:next"


def test_a_new_version_comes_and_goes_under_traffic(cooperative: Cooperative) -> None:
    """The image under a new name, as a release has one: pods of both versions answer side by side for a while."""
    installation = cooperative.installation
    tagged = installation.lab.run("ctr", "--namespace", "k8s.io", "images", "tag", "--force", IMAGE, NEXT)
    assert tagged.returncode == 0, tagged.stderr
    failures: list[Seen] = []
    for image, what in ((NEXT, "rolling update of every Deployment"), (IMAGE, "back to the version before")):
        before = set(installation.pods(*DEPLOYMENTS))
        began = time.monotonic()
        with traffic(cooperative.gateway, cooperative.session, cooperative.pages) as members:
            names = [f"deployment/{name}" for name in DEPLOYMENTS]
            installation.kubectl("set", "image", *names, f"main={image}")
            installation.await_ready(*DEPLOYMENTS)
        seconds = time.monotonic() - began
        note(what, f"{seconds:.0f} s; {members.summary()}")
        assert before.isdisjoint(installation.pods(*DEPLOYMENTS)), "a pod of the version before still runs"
        failures += members.failures
    assert failures == []
    installation.settle()
