"""Importing the office's members file, batch by batch.

Each batch is one transaction with the events of what it changed. A stream that breaks off leaves whole batches behind; the file
sent again finds them, counts them as unchanged and goes on. A refused line stops nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from coop.supplies.events.v1 import events_pb2 as events
from google.protobuf.message import Message

from services.chassis.db import Transaction
from services.chassis.ids import new_id
from services.supplies import access_repository, invitation_repository, repository
from services.supplies.application.core import Core
from services.supplies.application.named_codes import NamedCodes
from services.supplies.domain.members_file import Problem, Row, RowRefused, Rules, parse_row
from services.supplies.domain.model import Member
from services.supplies.domain.registry import Registry
from services.supplies.messages import ACCESS_TOPIC, MEMBER_TOPIC, SUPPLY_TOPIC, member_changed, supply_changed

#: Lines of one transaction: enough to make it cheap, few enough that commands do not wait for it.
BATCH = 200


@dataclass(frozen=True)
class Line:
    number: int
    fields: Mapping[str, str]


@dataclass
class Outcome:
    """What an import did: member and account numbers, lines without news, and (line, problem) of refused ones."""

    members_created: set[str] = field(default_factory=set)
    members_updated: set[str] = field(default_factory=set)
    supplies_created: set[str] = field(default_factory=set)
    supplies_updated: set[str] = field(default_factory=set)
    unchanged: int = 0
    refused: list[tuple[int, Problem]] = field(default_factory=list)


def import_lines(core: Core, lines: Iterable[Line]) -> Outcome:
    """Applies the lines in order. Lines come while earlier ones are applied, so a file of any size streams through."""
    outcome = Outcome()
    batch: list[Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) >= BATCH:
            _apply_batch(core, batch, outcome)
            batch = []
    if batch:
        _apply_batch(core, batch, outcome)
    return outcome


def _apply_batch(core: Core, lines: list[Line], outcome: Outcome) -> None:
    rules = Rules(core.country, core.languages, core.default_language, core.today())
    rows: list[tuple[int, Row]] = []
    for line in lines:
        try:
            rows.append((line.number, parse_row(line.fields, rules)))
        except RowRefused as refused:
            outcome.refused += [(line.number, problem) for problem in refused.problems]
    if not rows:
        return
    with core.database.write() as tx:
        repository.lock_registry(tx)
        done = _Batch(core, tx, rows)
        done.apply()
        done.save()
    # Counted once it is in the database.
    done.count(outcome)


class _Batch:
    """One transaction's lines: applied to the part of the registry they touch, then written with their events."""

    def __init__(self, core: Core, tx: Transaction, rows: list[tuple[int, Row]]) -> None:
        self._tx = tx
        self._rows = rows
        self._registry = Registry(new_id)
        repository.load_registry(tx, [row for _, row in rows], self._registry)
        self._before = dict(self._registry.members)
        self._named = NamedCodes(core, tx, [row for _, row in rows], self._registry)
        self._members: dict[str, str] = {}  # number -> "created" or "updated"
        self._supplies: dict[str, str] = {}  # account number -> the same
        self._unchanged = 0
        self._refused: list[tuple[int, Problem]] = []

    def apply(self) -> None:
        for number, row in self._rows:
            try:
                invited = self._named.check(row)
                effect = self._registry.apply(row)
            except RowRefused as refused:
                self._refused += [(number, problem) for problem in refused.problems]
                continue
            if invited:
                self._named.add(row)
            self._unchanged += not (effect.changed or invited)
            # What was created in this batch and then updated is new all the same.
            if effect.member:
                self._members.setdefault(row.member_number, effect.member)
            if effect.supply:
                self._supplies.setdefault(row.account_number, effect.supply)

    def save(self) -> None:
        self._touch_supplies_of_renamed_holders()
        registry = self._registry
        members = [registry.members[number] for number in self._members]
        supplies = [registry.supplies[number] for number in self._supplies]
        created = {number for number, effect in self._supplies.items() if effect == "created"}
        repository.save_members(
            self._tx, members, {number for number, effect in self._members.items() if effect == "created"}
        )
        repository.save_supplies(self._tx, supplies, created)
        holders = {each.id: each for each in registry.members.values()}
        codes = invitation_repository.usable(self._tx.connection, [each.id for each in members])
        news: list[tuple[str, str, Message]] = [
            (MEMBER_TOPIC, each.id, member_changed(each, codes.get(each.id, ""))) for each in members
        ]
        news += [(SUPPLY_TOPIC, each.id, supply_changed(each, holders[each.member_id])) for each in supplies]
        news += self._grant_to_holders(created)
        news += self._named.save()
        self._tx.emit_many(news)

    def _touch_supplies_of_renamed_holders(self) -> None:
        """A supply's event carries its holder's name: a new name is news of each supply."""
        for number, effect in self._members.items():
            if effect != "updated" or _shown(self._before[number]) == _shown(self._registry.members[number]):
                continue
            member_id = self._registry.members[number].id
            for each in list(self._registry.supplies.values()):
                if each.member_id == member_id and each.account_number not in self._supplies:
                    self._registry.add_supply(replace(each, version=each.version + 1))
                    self._supplies[each.account_number] = "renamed"

    def _grant_to_holders(self, created: set[str]) -> list[tuple[str, str, Message]]:
        """Whoever shows a holder's supplies shows the new ones too."""
        by_member: dict[str, list[str]] = {}
        for number in created:
            each = self._registry.supplies[number]
            by_member.setdefault(each.member_id, []).append(each.id)
        news: list[tuple[str, str, Message]] = []
        for held in access_repository.holdings_of(self._tx.connection, list(by_member)):
            supply_ids = by_member[held.member_id]
            access_repository.add_access(self._tx, held.account_id, held.member_id, supply_ids, held.relation)
            news += [
                (ACCESS_TOPIC, held.account_id, events.AccessGranted(
                    account_id=held.account_id, supply_id=supply_id, member_id=held.member_id, relation=held.relation
                ))
                for supply_id in supply_ids
            ]  # fmt: skip
        return news

    def count(self, outcome: Outcome) -> None:
        for number, effect in self._members.items():
            (outcome.members_created if effect == "created" else outcome.members_updated).add(number)
        for number, effect in self._supplies.items():
            if effect != "renamed":
                (outcome.supplies_created if effect == "created" else outcome.supplies_updated).add(number)
        outcome.members_updated -= outcome.members_created
        outcome.supplies_updated -= outcome.supplies_created
        outcome.unchanged += self._unchanged
        outcome.refused += self._refused


def _shown(each: Member) -> tuple[str, str, str]:
    return each.name, each.document.type, each.document.number
