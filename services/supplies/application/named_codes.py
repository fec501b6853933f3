"""The invitation codes that a batch of lines of the members file names."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.message import Message

from services.chassis.db import Transaction
from services.chassis.errors import CoopError
from services.supplies import invitation_repository
from services.supplies.application import inviting
from services.supplies.application.core import Core
from services.supplies.domain.invitations import printed
from services.supplies.domain.members_file import Problem, Row, RowRefused
from services.supplies.domain.registry import Registry
from services.supplies.invitation_repository import Invitation


class NamedCodes:
    """Checks each line's code before the line is applied, and writes what new supplies named once all of them are."""

    def __init__(self, core: Core, tx: Transaction, rows: Collection[Row], registry: Registry) -> None:
        self._core = core
        self._tx = tx
        self._registry = registry
        codes = {row.contract.invitation for row in rows if row.contract and row.contract.invitation}
        accounts = {row.account_number for row in rows if row.contract and row.contract.invitation}
        known = [supply.id for number, supply in registry.supplies.items() if number in accounts]
        self._invitations = invitation_repository.by_codes(tx.connection, codes)
        self._before = invitation_repository.redemptions(tx.connection, known)
        #: Account number -> invitation, of this batch.
        self._new: dict[str, Invitation] = {}

    def check(self, row: Row) -> bool:
        """Whether the line names a code that its supply has not named yet. Raises RowRefused when it may not."""
        code = row.contract.invitation if row.contract else ""
        if not code or row.contract is None:
            return False
        known = self._registry.supplies.get(row.account_number)
        named = self._before.get(known.id) if known else None
        said = self._new.get(row.account_number)
        # The file sent again says what it said before.
        if (named is not None and named.code == code) or (said is not None and said.code == code):
            return False
        member = self._registry.members.get(row.member_number)
        began = inviting.first_day(known) if known else None
        start = min(began, row.contract.start) if began else row.contract.start
        try:
            if said is not None:
                raise inviting.used(row.account_number, self._tx.clock.now())
            inviting.check(
                inviting.rules_of(self._core),
                code,
                self._invitations.get(code),
                member.id if member else "",
                row.account_number,
                named,
                start,
                self._core.today(),
            )
        except CoopError as refused:
            raise RowRefused([Problem("invitation_code", printed(code), refused.message)]) from refused
        return True

    def add(self, row: Row) -> None:
        """The line was applied."""
        assert row.contract is not None
        self._new[row.account_number] = self._invitations[row.contract.invitation]

    def save(self) -> list[tuple[str, str, Message]]:
        """Writes what the batch named, once its supplies are written; gives the events."""
        news: list[tuple[str, str, Message]] = []
        for account_number, invitation in self._new.items():
            supply = self._registry.supplies[account_number]
            rules = inviting.rules_of(self._core)
            news.append(inviting.keep(self._tx, rules, invitation, supply.id, supply.member_id))
        return news
