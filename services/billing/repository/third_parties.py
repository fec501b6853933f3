"""What was invoiced to whom in a year, summed by the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from itertools import islice

from sqlalchemy import Connection, Select, case, func, literal, select

from services.billing.domain.payments.model347 import QUARTERS, Operation
from services.billing.domain.supplies import Member
from services.billing.repository import read_model
from services.billing.tables import invoice, ledger_entry, ledger_posting

#: Holders that are read in one query.
AT_ONCE = 1_000


def operations(connection: Connection, year: int) -> tuple[list[Operation], dict[str, str]]:
    """A sum for each holder and quarter of all invoices of the year, corrections included; and names by tax number.

    Tax of electricity and water accrues when the price may be demanded, which is when the invoice is issued. The amounts are
    what the ledger has as sold and taxed: of a rectifying invoice what it changes, also where it stands in the whole place of
    another; interest that the cooperative pays is no operation.
    """
    rows: list[tuple[str, int, Decimal]] = [(row[0], row[1], row[2]) for row in connection.execute(_sums(year))]
    holders: dict[str, Member] = {}
    wanted = iter(sorted({row[0] for row in rows}))
    while some := list(islice(wanted, AT_ONCE)):
        holders |= read_model.members(connection, some)
    found, names = [], {}
    for member_id, number, total in rows:
        holder = holders[member_id]
        names[holder.document] = holder.name
        found.append(Operation(holder.document, date(year, 3 * number, 1), total))
    return found, names


def operations_of(connection: Connection, year: int, member_id: str, supply_ids: Collection[str]) -> list[Operation]:
    """The same sums of what one holder was invoiced for some supplies; the operations name no tax number."""
    wanted = list(supply_ids)
    query = _sums(year).where(
        invoice.c.member_id == member_id, invoice.c.supply_id.in_(wanted), ledger_entry.c.supply_id.in_(wanted)
    )
    return [Operation("", date(year, 3 * row[1], 1), row[2]) for row in connection.execute(query)]


def _sums(year: int) -> Select[str, int, Decimal]:
    """(Holder, quarter, amount)."""
    quarter = case(
        *((ledger_entry.c.day < date(year, 3 * number + 1, 1), literal(number)) for number in range(1, QUARTERS)),
        else_=literal(QUARTERS),
    )
    return (
        select(invoice.c.member_id, quarter, -func.sum(ledger_posting.c.amount))
        .join(ledger_entry, ledger_entry.c.document == invoice.c.number)
        .join(ledger_posting, ledger_posting.c.entry_id == ledger_entry.c.id)
        .where(
            ledger_entry.c.kind.in_(("invoice", "rectification")),
            ledger_entry.c.day >= date(year, 1, 1),
            ledger_entry.c.day < date(year + 1, 1, 1),
            ledger_posting.c.account.in_(("revenue", "tax")),
        )
        .group_by(invoice.c.member_id, quarter)
    )
