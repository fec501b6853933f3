"""Names of the people of the office, where a service says that `staff:<account id>` did something."""

from __future__ import annotations

from collections.abc import Iterable

from coop.identity.v1 import identity_service_pb2 as identity_pb2
from google.protobuf.message import Message

from services.staff.office import Office

STAFF = "staff:"
BATCH = 200
"""Names that identity tells in one call."""


class Names:
    """Who is meant by an actor. Every name is asked for once."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._known: dict[str, str] = {}

    def learn(self, actors: Iterable[str]) -> None:
        """Asks for the names of all of them together that are not known yet."""
        asked = {one.removeprefix(STAFF) for one in actors if one.startswith(STAFF)}
        unknown = sorted(asked - self._known.keys())
        for begin in range(0, len(unknown), BATCH):
            some = unknown[begin : begin + BATCH]
            with self._office.calling("identity"):
                answer = self._office.identity.GetStaffNames(identity_pb2.GetStaffNamesRequest(ids=some), timeout=30)
            self._known |= dict.fromkeys(some, "") | {one.id: one.name for one in answer.staff}

    def of(self, actor: str) -> str:
        """The person's name; the actor as it is where it is no staff, or where nobody has that id any more."""
        self.learn([actor])
        return self._known.get(actor.removeprefix(STAFF), "") or actor

    def within(self, sentence: str, actor: str) -> str:
        """A service's sentence with the name in the place of the actor it names."""
        return sentence.replace(actor, self.of(actor)) if actor else sentence


def put_names(office: Office, answers: Iterable[Message], *fields: str) -> None:
    """Names in the place of the actors in `fields` of what a service answered: for people to read, not for programs."""
    found, names = list(answers), Names(office)
    names.learn(getattr(each, field) for each in found for field in fields)
    for each in found:
        for field in fields:
            setattr(each, field, names.of(getattr(each, field)))
