"""Invoices and accounts that movements of a bank may mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, or_, select

from services.billing.domain.bill import ZERO
from services.billing.tables import invoice, mandate, mandate_account, open_item, remittance, series, supply

_PIECE = 1000


@dataclass(frozen=True)
class Payable:
    """An invoice and what is still unpaid of it."""

    invoice_id: str
    number: str
    supply_id: str
    outstanding: Decimal


def series_codes(connection: Connection) -> list[str]:
    return sorted(connection.execute(select(series.c.code)).scalars())


def by_number(connection: Connection, numbers: Collection[str]) -> list[Payable]:
    """Invoices by their printed numbers, paid or not."""
    found: list[Payable] = []
    wanted = sorted(numbers)
    for start in range(0, len(wanted), _PIECE):
        found += _payables(connection, invoice.c.number.in_(wanted[start : start + _PIECE]))
    return found


def open_of(connection: Connection, supply_ids: Iterable[str]) -> list[Payable]:
    """What is unpaid on accounts."""
    wanted = sorted(set(supply_ids))
    found: list[Payable] = []
    for start in range(0, len(wanted), _PIECE):
        piece = wanted[start : start + _PIECE]
        # Both sides: the open item finds its rows by its own index.
        found += _payables(connection, open_item.c.supply_id.in_(piece), open_item.c.outstanding > 0)
    return found


def _payables(connection: Connection, *conditions: object) -> list[Payable]:
    query = (
        select(invoice.c.id, invoice.c.number, invoice.c.supply_id, open_item.c.outstanding)
        .join_from(invoice, open_item, open_item.c.invoice_id == invoice.c.id, isouter=True)
        .where(*conditions)  # type: ignore[arg-type]
        .order_by(invoice.c.number)
    )
    return [Payable(row.id, row.number, row.supply_id, row.outstanding or ZERO) for row in connection.execute(query)]


def accounts_of_mandates(connection: Connection, ibans: Collection[str]) -> dict[str, set[str]]:
    """Supplies that have or had a mandate to debit one of these accounts, by account."""
    query = (
        select(mandate_account.c.iban, mandate.c.supply_id)
        .join(mandate, mandate.c.id == mandate_account.c.mandate_id)
        .where(mandate_account.c.iban.in_(sorted(ibans)))
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.iban, set()).add(row.supply_id)
    return found


def remittance_numbers(connection: Connection) -> list[str]:
    """Of the remittances that the bank got."""
    query = select(remittance.c.number).where(remittance.c.state.in_(("approved", "settled")))
    return list(connection.execute(query).scalars())


def supplies_by_account(connection: Connection, account_numbers: Collection[str]) -> dict[str, str]:
    """Supply ids by account number."""
    query = select(supply.c.account_number, supply.c.supply_id).where(
        supply.c.account_number.in_(sorted(account_numbers))
    )
    return {row.account_number: row.supply_id for row in connection.execute(query)}


def supply_named(connection: Connection, text: str) -> str | None:
    """The id of the supply with this id or account number."""
    named = or_(supply.c.supply_id == text, supply.c.account_number == text)
    return connection.execute(select(supply.c.supply_id).where(named)).scalar()
