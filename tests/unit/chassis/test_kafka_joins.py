"""A member of a Kafka group takes what a join gave it, also when the join ended while nobody polled."""

from __future__ import annotations

from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis.eventlog.kafka_consumer import _keep_finished_joins


def ended(doing: Coroutine[Any, Any, Any]) -> Any:
    """What it returns. Without a loop, which the thread may have already: a browser's tests leave theirs running."""
    try:
        doing.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


class Coordinator:
    """What the library's does: a join gives a new generation each time it is made."""

    def __init__(self) -> None:
        self.generation = 0
        self.assigned: list[bytes] = []
        self.lost = False

    async def _do_join_and_sync_async(self) -> bytes:
        if self.lost:
            raise ConnectionError("the coordinator is gone")
        self.generation += 1
        return f"generation {self.generation}".encode()

    async def _on_join_complete_async(self, *about: Any) -> None:
        self.assigned.append(about[-1])


@pytest.fixture
def coordinator() -> Any:
    made = Coordinator()
    _keep_finished_joins(SimpleNamespace(_coordinator=made))
    return made


def test_a_join_that_nobody_waited_for_is_not_made_again(coordinator: Any) -> None:
    ended(coordinator._do_join_and_sync_async())
    given = ended(coordinator._do_join_and_sync_async())
    ended(coordinator._on_join_complete_async(1, "member", "roundrobin", given))
    assert (coordinator.generation, coordinator.assigned) == (1, [b"generation 1"])


def test_the_next_rebalance_joins_anew_and_so_does_who_failed(coordinator: Any) -> None:
    given = ended(coordinator._do_join_and_sync_async())
    ended(coordinator._on_join_complete_async(1, "member", "roundrobin", given))
    coordinator.lost = True
    with pytest.raises(ConnectionError):
        ended(coordinator._do_join_and_sync_async())
    coordinator.lost = False
    assert ended(coordinator._do_join_and_sync_async()) == b"generation 2"
