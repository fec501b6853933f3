"""How the tests are shared out between workers: what shares a dear fixture stays together, what takes long begins first."""

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    "tests/contract/eventlog/test_broker_crash.py": "a broker that is killed",
    "tests/contract/eventlog/": "one broker",
    "tests/integration/chassis/test_on_kafka.py": "one broker",
    "tests/deploy/test_backup": "five databases",
    "tests/system/test_chain.py": "the undisturbed month",
    "tests/system/test_ownership.py": "the undisturbed month",
    "tests/e2e/test_journey.py": "the demonstration",
    "tests/e2e/test_certificate_journey.py": "the demonstration",
    "tests/e2e/test_estimated_gap.py": "the demonstration",
    "tests/e2e/test_card_payment.py": "the demonstration",
    "tests/e2e/test_demo_proofs.py": "the demonstration",
    "tests/e2e/test_watched.py": "the demonstration",
}
"""Beginning of a path -> what its tests share; every other file stands for itself."""

FIRST = (
    "tests/system/test_chain",
    "tests/system/test_ownership",
    "tests/e2e/test_journey",
    "tests/contract/",
    "tests/e2e/",
    "tests/system/",
)
"""These take minutes. Begun last they would leave one worker alone with them."""


def rank(path: str) -> int:
    """Place of a path in the order of work."""
    return next((place for place, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))


class Sharing(LoadFileScheduling):
    """Files, or the groups of TOGETHER, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return next((shared for start, shared in TOGETHER.items() if path.startswith(start)), path)


def in_order(items: list[pytest.Item]) -> None:
    """The longest first; otherwise as they were."""
    items.sort(key=lambda item: rank(item.nodeid))
