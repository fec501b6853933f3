"""Telling again the present state of what a service owns, for readers that have lost their copy or are new.

Topics whose every event is the whole state of its key keep the last event of each key. The other topics forget after 60
days, and with them the states that they told of: an account that was opened in spring, an access that was given last year.
So a service that owns such states says how it finds them (`Parts.announced`), and on demand leaves an event of the usual
type with a new event id for each. Readers take it as any other: what they have already, they keep.

A batch is one transaction that holds whatever commands hold when they change these states. So a state is never told
after the event of its change, which a reader would take for the newer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from coop.common.v1 import announcing_service_pb2 as pb
from coop.common.v1.announcing_service_pb2_grpc import (
    AnnouncingServiceServicer,
    add_AnnouncingServiceServicer_to_server,
)
from google.protobuf.message import Message

from services.chassis.db import Database, Transaction
from services.chassis.errors import Invalid, Refused
from services.chassis.grpc.server import ServicerSpec
from services.chassis.telemetry import logger

#: States of one transaction: commands that change them wait no longer than this takes.
BATCH = 200


@dataclass(frozen=True)
class State:
    """One thing as it is: the key under which its events are told, the event, and its place in the order of all."""

    key: str
    event: Message
    place: tuple[str, ...]


@dataclass(frozen=True)
class Announced:
    """A kind of state. `batch(tx, after, limit)` gives the next ones in the order of their places, from the one after
    `after` (None: the first), and holds in `tx` what keeps them from being changed."""

    kind: str
    topic: str
    batch: Callable[[Transaction, tuple[str, ...] | None, int], Sequence[State]]


def announce(database: Database, kind: Announced) -> Iterator[int]:
    """How many were announced so far, after each batch that was committed. What is stopped may begin again."""
    after: tuple[str, ...] | None = None
    announced = 0
    while True:
        with database.write() as tx:
            states = kind.batch(tx, after, BATCH)
            tx.emit_many([(kind.topic, state.key, state.event) for state in states])
        announced += len(states)
        if states or not announced:
            yield announced
        if len(states) < BATCH:
            return
        after = states[-1].place


class AnnouncingApi(AnnouncingServiceServicer):
    def __init__(self, database: Database, announced: Sequence[Announced]) -> None:
        self._database = database
        self._announced = {each.kind: each for each in announced}

    def AnnounceState(self, request: pb.AnnounceStateRequest, context: Any) -> Iterator[pb.AnnounceStateResponse]:
        for each in self._asked(request.kinds):
            total = 0
            try:
                for total in announce(self._database, each):
                    yield pb.AnnounceStateResponse(kind=each.kind, announced=total, topic=each.topic)
                    if not context.is_active():
                        return
            finally:
                logger().info("state_announced", kind=each.kind, announced=total)

    def _asked(self, kinds: Sequence[str]) -> list[Announced]:
        service = self._database.service
        if not self._announced:
            raise Refused(
                f"The {service} service announces no states: what it tells are facts, and who has lost them has them "
                "from a backup.",
                "NOTHING_TO_ANNOUNCE",
            )
        known = ", ".join(self._announced)
        for kind in kinds:
            if kind not in self._announced:
                raise Invalid(f"The {service} service announces no {kind!r}: it has {known}.", field="kinds")
        return [each for each in self._announced.values() if not kinds or each.kind in kinds]


def announcing_servicer(database: Database, announced: Sequence[Announced]) -> ServicerSpec:
    return ServicerSpec(
        AnnouncingApi(database, announced),
        add_AnnouncingServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["AnnouncingService"],
    )
