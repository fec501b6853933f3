"""Vouchers that are authorised one by one: what was asked for a number, the code granted, and the document issued with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from services.billing.domain.fiscal.cae import Cae, VoucherRequest
from services.billing.repository import upsert
from services.billing.tables import cae_request


@dataclass(frozen=True)
class Asked:
    """A number that was asked for; `code` "" until it is granted, `invoice_id` None until its document is issued."""

    issue_date: date
    figures: dict[str, Any]
    rectified: str  # number of the bill
    code: str
    valid_until: date | None
    provider: str
    invoice_id: str | None


def find(connection: Connection, point_of_sale: int, voucher: str, number: int) -> Asked | None:
    row = connection.execute(select(cae_request).where(*_is(point_of_sale, voucher, number))).first()
    if row is None:
        return None
    return Asked(row.issue_date, row.figures, row.rectified, row.code, row.valid_until, row.provider, row.invoice_id)


def ask(connection: Connection, request: VoucherRequest, rectified: str, at: datetime) -> None:
    """Note what is asked, before it is: in place of an earlier question that no code was granted for."""
    values = {
        "issue_date": request.issue_date,
        "figures": request.figures(),
        "rectified": rectified,
        "code": "",
        "provider": "",
        "asked_at": at,
    }
    found = update(cae_request).where(*_key(request), cae_request.c.code == "").values(values)
    if not connection.execute(found).rowcount:
        _insert(connection, request, values)


def grant(connection: Connection, request: VoucherRequest, rectified: str, cae: Cae, at: datetime) -> None:
    """Note the code, with the figures that it is for; a code that was noted before stays. The question may be gone by now:
    who asked for the same number with other figures was refused and has withdrawn it.
    """
    values = {
        "issue_date": request.issue_date,
        "figures": request.figures(),
        "rectified": rectified,
        "code": cae.code,
        "valid_until": cae.valid_until,
        "provider": cae.provider,
    }
    found = update(cae_request).where(*_key(request), cae_request.c.code == "").values(values)
    if not connection.execute(found).rowcount:
        _insert(connection, request, {**values, "asked_at": at})


def _insert(connection: Connection, request: VoucherRequest, values: dict[str, Any]) -> None:
    key = {"point_of_sale": request.point_of_sale, "voucher": request.voucher, "number": request.number}
    connection.execute(upsert(connection, cae_request).values({**key, **values}).on_conflict_do_nothing())


def withdraw(connection: Connection, request: VoucherRequest) -> None:
    """Forget a question that was refused."""
    connection.execute(delete(cae_request).where(*_key(request), cae_request.c.code == ""))


def use(connection: Connection, point_of_sale: int, voucher: str, number: int, invoice_id: str) -> None:
    connection.execute(update(cae_request).where(*_is(point_of_sale, voucher, number)).values(invoice_id=invoice_id))


def _key(request: VoucherRequest) -> tuple[Any, ...]:
    return _is(request.point_of_sale, request.voucher, request.number)


def _is(point_of_sale: int, voucher: str, number: int) -> tuple[Any, ...]:
    return (
        cae_request.c.point_of_sale == point_of_sale,
        cae_request.c.voucher == voucher,
        cae_request.c.number == number,
    )
