"""Records for the tax offices: the chain of an issuer, and the codes that authorise bills beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, and_, exists, func, insert, select, update

from services.billing.domain.fiscal.cesp import Cesp
from services.billing.domain.fiscal.verifactu import Record
from services.billing.repository import upsert
from services.billing.tables import cesp_code, cesp_use, fiscal_chain, fiscal_record, invoice
from services.chassis.bulk import insert_many

BATCH = 1000
_RECORD = (
    "position",
    "kind",
    "issuer",
    "number",
    "issue_date",
    "generated_at",
    "previous_hash",
    "hash",
    "invoice_type",
    "quota",
    "total",
    "content",
)


# ------------------------------------------------------------------------------------------------------------ the chain
@dataclass(frozen=True)
class ChainEnd:
    """The last record of an issuer's chain; position 0 and empty before the first."""

    issuer: str
    last_position: int = 0
    last_number: str = ""
    last_issue_date: date | None = None
    last_hash: str = ""
    last_generated_at: str = ""


def take(connection: Connection, issuer: str) -> ChainEnd:
    """The chain's end, its row locked until the transaction ends: the next record waits for this one's."""
    query = select(fiscal_chain).where(fiscal_chain.c.issuer == issuer).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        first = upsert(connection, fiscal_chain).values(ChainEnd(issuer).__dict__)
        connection.execute(first.on_conflict_do_nothing())
        row = connection.execute(query).mappings().one()
    return ChainEnd(**row)


def put(connection: Connection, end: ChainEnd) -> None:
    values = {name: value for name, value in end.__dict__.items() if name != "issuer"}
    connection.execute(update(fiscal_chain).where(fiscal_chain.c.issuer == end.issuer).values(values))


def end_of(connection: Connection, issuer: str) -> ChainEnd:
    """The chain's end as it stands, without holding it."""
    row = connection.execute(select(fiscal_chain).where(fiscal_chain.c.issuer == issuer)).mappings().first()
    return ChainEnd(**row) if row else ChainEnd(issuer)


def keep(connection: Connection, records: Sequence[tuple[str, Record]]) -> None:
    """Write records, each with the id of its invoice."""
    insert_many(
        connection, fiscal_record, [{"invoice_id": invoice_id, **record.__dict__} for invoice_id, record in records]
    )


def records_between(connection: Connection, issuer: str, first: date, last: date) -> Iterator[list[Record]]:
    """The records of invoices issued from `first` to `last`, both included, in the chain's order, a thousand at a time."""
    wanted = and_(fiscal_record.c.issue_date >= first, fiscal_record.c.issue_date <= last)
    for rows in _batches(connection, issuer, wanted):
        yield [record for record, _ in rows]


def chain(connection: Connection, issuer: str) -> Iterator[list[tuple[Record, str]]]:
    """The whole chain in its order, each record with the id of its invoice, a thousand at a time."""
    return _batches(connection, issuer, True)


def _batches(connection: Connection, issuer: str, wanted: object) -> Iterator[list[tuple[Record, str]]]:
    after = 0
    while True:
        query = (
            select(fiscal_record)
            .where(fiscal_record.c.issuer == issuer, fiscal_record.c.position > after, wanted)  # type: ignore[arg-type]
            .order_by(fiscal_record.c.position)
            .limit(BATCH)
        )
        rows = list(connection.execute(query).mappings())
        if not rows:
            return
        yield [(Record(**{name: row[name] for name in _RECORD}), row["invoice_id"]) for row in rows]
        after = rows[-1]["position"]


def is_registered(connection: Connection, invoice_id: str) -> bool:
    """Whether the tax office's record of the invoice was made."""
    query = select(fiscal_record.c.position).where(
        fiscal_record.c.invoice_id == invoice_id, fiscal_record.c.kind == "registration"
    )
    return connection.execute(query).first() is not None


def without_record(connection: Connection, issuer: str) -> list[str]:
    """Numbers of invoices issued since the chain began that have no record in it, at most ten."""
    began = (
        select(func.min(invoice.c.issued_at))
        .join(fiscal_record, fiscal_record.c.invoice_id == invoice.c.id)
        .where(fiscal_record.c.issuer == issuer)
        .scalar_subquery()
    )
    recorded = exists().where(fiscal_record.c.invoice_id == invoice.c.id)
    query = select(invoice.c.number).where(invoice.c.issued_at >= began, ~recorded).order_by(invoice.c.number).limit(10)
    return list(connection.execute(query).scalars())


# ------------------------------------------------------------------------------------------------------------ the codes
@dataclass(frozen=True)
class Code:
    """A code as it is kept, and how many bills were issued under it (None where that was not asked)."""

    code: str
    point_of_sale: int
    voucher: str
    period_start: date
    period_end: date
    valid_until: date
    provider: str
    granted_at: datetime
    used: int | None = None


def usable_codes(connection: Connection, point_of_sale: int, day: date) -> dict[str, str]:
    """By class of voucher, the code for bills issued on a day: the first granted of those whose period has the day."""
    query = (
        select(cesp_code.c.voucher, cesp_code.c.code)
        .where(
            cesp_code.c.point_of_sale == point_of_sale,
            cesp_code.c.period_start <= day,
            cesp_code.c.period_end > day,
            cesp_code.c.valid_until >= day,
        )
        .order_by(cesp_code.c.granted_at.desc(), cesp_code.c.code.desc())
    )
    return {row.voucher: row.code for row in connection.execute(query)}


def keep_codes(connection: Connection, granted: Sequence[Cesp], at: datetime) -> None:
    """Keep codes; one that is kept already stays as it is."""
    rows = [
        {
            "code": each.code,
            "point_of_sale": each.request.point_of_sale,
            "voucher": each.request.voucher,
            "period_start": each.request.period.start,
            "period_end": each.request.period.end,
            "valid_until": each.valid_until,
            "provider": each.provider,
            "granted_at": at,
        }
        for each in granted
    ]
    connection.execute(upsert(connection, cesp_code).on_conflict_do_nothing(), rows)


def use_codes(connection: Connection, uses: Mapping[str, str]) -> None:
    """Note the code of each invoice id."""
    if uses:
        connection.execute(
            insert(cesp_use), [{"invoice_id": invoice_id, "code": code} for invoice_id, code in uses.items()]
        )


def code_of(connection: Connection, invoice_id: str) -> Code | None:
    """The code under which an invoice was issued."""
    query = select(cesp_code).join(cesp_use, cesp_use.c.code == cesp_code.c.code)
    row = connection.execute(query.where(cesp_use.c.invoice_id == invoice_id)).mappings().first()
    return Code(**row) if row else None


def codes(connection: Connection, *, before: str, limit: int) -> list[Code]:
    """Every code with its count of bills, the latest first; `before` is the last of the page before, "" the beginning."""
    used = func.count(cesp_use.c.invoice_id).label("used")
    order = (cesp_code.c.granted_at.desc(), cesp_code.c.code.desc())
    query = select(cesp_code, used).outerjoin(cesp_use, cesp_use.c.code == cesp_code.c.code).group_by(cesp_code.c.code)
    if before:
        last = select(cesp_code.c.granted_at).where(cesp_code.c.code == before).scalar_subquery()
        query = query.where(
            (cesp_code.c.granted_at < last) | ((cesp_code.c.granted_at == last) & (cesp_code.c.code < before))
        )
    return [Code(**row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings()]
