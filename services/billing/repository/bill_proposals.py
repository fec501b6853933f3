"""Proposed bill runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, case, select, update

from services.billing.repository.runs import COMPLETED
from services.billing.tables import bill_proposal, bill_run
from services.chassis.db import insert_if_absent

#: Nobody has started the month's run since; somebody has, and it is under way or done.
WAITING, TAKEN_UP = "waiting", "taken_up"


@dataclass(frozen=True)
class Proposal:
    """`held`: (reason, contracts), why how many would be held."""

    id: str
    period: str
    after_round: int
    contracts: int
    already_invoiced: int
    would_invoice: int
    total: Decimal
    held: tuple[tuple[str, int], ...]
    proposed_by: str
    proposed_at: datetime
    looked_at: datetime
    state: str = WAITING

    @property
    def held_count(self) -> int:
        return sum(count for _, count in self.held)


def keep(connection: Connection, made: Proposal) -> tuple[Proposal, bool]:
    """The proposal of its month and round, its figures those of now; and whether it is a new one."""
    row = {**made.__dict__, "held": [list(each) for each in made.held]}
    del row["state"]
    new = insert_if_absent(connection, bill_proposal, row)
    same = (bill_proposal.c.period == made.period, bill_proposal.c.after_round == made.after_round)
    if not new:
        fixed = ("id", "period", "after_round", "proposed_by", "proposed_at")
        fresh = {name: value for name, value in row.items() if name not in fixed}
        connection.execute(update(bill_proposal).where(*same).values(fresh))
    return _proposals(connection, _query().where(*same))[0], new


def by_id(connection: Connection, proposal_id: str) -> Proposal:
    return _proposals(connection, _query().where(bill_proposal.c.id == proposal_id))[0]


def page(connection: Connection, before: str, limit: int) -> list[Proposal]:
    """The newest first; `before` is the id of the last one seen."""
    query = _query().order_by(bill_proposal.c.id.desc()).limit(limit)
    return _proposals(connection, query.where(bill_proposal.c.id < before) if before else query)


def months_run(connection: Connection) -> set[str]:
    """Months whose run is done, as far as it went."""
    return set(connection.execute(select(bill_run.c.period).where(bill_run.c.state == COMPLETED)).scalars())


def _query() -> Select[Any]:
    taken = case((bill_run.c.round > bill_proposal.c.after_round, TAKEN_UP), else_=WAITING).label("state")
    return select(bill_proposal, taken).outerjoin(bill_run, bill_run.c.period == bill_proposal.c.period)


def _proposals(connection: Connection, query: Select[Any]) -> list[Proposal]:
    return [
        Proposal(**{**row, "held": tuple((reason, count) for reason, count in row["held"])})
        for row in connection.execute(query).mappings()
    ]
