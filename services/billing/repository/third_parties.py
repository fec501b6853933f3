"""What was invoiced to whom in a year, summed by the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice

from sqlalchemy import Connection, Select, and_, case, false, func, literal, or_, select, true

from services.billing.domain.payments.model347 import QUARTERS, Operation
from services.billing.domain.supplies import Member
from services.billing.repository import read_model
from services.billing.tables import charge, invoice, ledger_entry, ledger_posting, rectification

#: Holders that are read in one query.
AT_ONCE = 1_000


#: Charges that are in no tax's base: code of the concept, first day, day after the last or None.
Compensations = Sequence[tuple[str, date, date | None]]


def operations(
    connection: Connection, year: int, compensations: Compensations
) -> tuple[list[Operation], dict[str, str]]:
    """A sum for each holder and quarter of all invoices of the year, corrections included; and names by tax number.

    Tax of electricity and water accrues when the price may be demanded, which is when the invoice is issued. The amounts are
    what the ledger has as sold and taxed: of a rectifying invoice what it changes, also where it stands in the whole place of
    another; interest that the cooperative pays is no operation, and no more is a compensation that it is paid.
    """
    sums = connection.execute(_sums(year, compensations))
    rows: list[tuple[str, int, Decimal]] = [(row[0], row[1], row[2]) for row in sums]
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


def operations_of(
    connection: Connection, year: int, member_id: str, supply_ids: Collection[str], compensations: Compensations
) -> list[Operation]:
    """The same sums of what one holder was invoiced for some supplies; the operations name no tax number."""
    wanted = list(supply_ids)
    query = _sums(year, compensations).where(
        invoice.c.member_id == member_id, invoice.c.supply_id.in_(wanted), ledger_entry.c.supply_id.in_(wanted)
    )
    return [Operation("", date(year, 3 * row[1], 1), row[2]) for row in connection.execute(query)]


def _sums(year: int, compensations: Compensations) -> Select[str, int, Decimal]:
    """(Holder, quarter, amount)."""
    paid_for_nothing = select(charge.c.invoice_id).where(
        charge.c.invoice_id.is_not(None),
        or_(
            false(),
            *(
                and_(charge.c.concept == code, charge.c.day >= start, true() if end is None else charge.c.day < end)
                for code, start, end in compensations
            ),
        ),
    )
    taken_back = select(rectification.c.invoice_id).where(rectification.c.rectified_id.in_(paid_for_nothing))
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
            invoice.c.id.not_in(paid_for_nothing),
            invoice.c.id.not_in(taken_back),
        )
        .group_by(invoice.c.member_id, quarter)
    )
