"""Argentina: documents that are each authorised by a CAE of their own before they are issued (WSFEv1): notes that correct
bills, and invoices of what is no public service.

A number is authorised with its figures and cannot be given back. So what is asked is written down first, the code after it,
and the document with that number and those figures is issued last: whatever stops in between, the same document asked for
again finds its number and its code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from services.billing.domain.bill import ZERO
from services.billing.domain.fiscal import afip_qr
from services.billing.domain.fiscal.cae import (
    CONDITIONS,
    CREDIT_NOTES,
    DEBIT_NOTES,
    DOCUMENTS,
    INVOICES,
    IVA_CODES,
    UNIDENTIFIED,
    Associated,
    Cae,
    CaeProvider,
    VoucherRequest,
    check_granted,
    sums,
)
from services.billing.domain.fiscal.cesp import VOUCHERS, digits_of
from services.billing.domain.fiscal.terms import FiscalTerms
from services.billing.repository import fiscal, invoices, vouchers
from services.billing.repository.invoices import CHARGE, RECTIFYING, Details, Issued
from services.billing.repository.vouchers import Asked
from services.billing.snapshots import member_of, supply_of
from services.chassis.db import Database, Transaction
from services.chassis.errors import Conflict, Refused
from services.chassis.profile import Profile


@dataclass(frozen=True)
class Authorisation:
    """The code of a document, and the issue date that it is for."""

    voucher: str
    point_of_sale: int
    cae: Cae
    issue_date: date
    qr_url: str


class Vouchers:
    def __init__(self, profile: Profile, terms: FiscalTerms, provider: CaeProvider) -> None:
        self._issuer = digits_of(profile.tax_id)
        self._point_of_sale = terms.point_of_sale
        self._provider = provider

    def authorise(self, database: Database, row: Issued, details: Details) -> Authorisation:
        """The code of a note that is about to be issued; asks the tax office, so never inside a transaction.

        Refused with the tax office's reason or when no note can say the difference; Conflict when its number was
        authorised for another one that is not issued yet; Unavailable when nobody answers: asked again, nothing is lost.
        """
        with database.read() as connection:
            request = self._request(connection, row, details)
            held = self._held(connection, request)
        if held is None or not held.code:
            self._ask(database, request, row)
            with database.read() as connection:
                held = self._held(connection, request)
        assert held is not None, "noted just now"
        return self._granted(request, held, row)

    def _granted(self, request: VoucherRequest, held: Asked, row: Issued) -> Authorisation:
        """A code that was granted. Conflict when it is for other figures."""
        if held.figures != request.figures():
            of_bill = f" on bill {held.rectified}" if held.rectified else ""
            raise Conflict(
                f"Number {row.number} is authorised for a document over {sums(held.figures)}{of_bill}, which is not issued "
                "yet: approve that one first, then this one.",
                "NUMBER_AUTHORISED",
            )
        assert held.valid_until is not None
        return Authorisation(
            request.voucher,
            request.point_of_sale,
            Cae(held.code, held.valid_until, held.provider),
            held.issue_date,
            afip_qr.qr_url(
                afip_qr.Voucher(
                    issue_date=held.issue_date,
                    issuer=request.issuer,
                    point_of_sale=request.point_of_sale,
                    voucher_type=int(request.voucher),
                    number=request.number,
                    total=request.total,
                    authorisation=held.code,
                    recipient=request.recipient if request.recipient[1] else None,
                )
            ),
        )

    # ------------------------------------------------------------------------------------------------------- invoices
    def foreseen(self, tx: Transaction, row: Issued, details: Details) -> Authorisation | VoucherRequest:
        """The code of an invoice, or what has to be asked for it, which is written down; its series is held."""
        request = self._request(tx.connection, row, details)
        held = self._held(tx.connection, request)
        if held is not None and held.code:
            return self._granted(request, held, row)
        vouchers.ask(tx.connection, request, "", tx.clock.now())
        return request

    def ask(self, database: Database, request: VoucherRequest) -> None:
        """Ask for what was written down, and write the code down; never inside a transaction. Raises what the provider
        raises; a question that was refused is forgotten.
        """
        self._ask_for(database, request, "")

    def _ask(self, database: Database, request: VoucherRequest, row: Issued) -> None:
        rectified = row.printed["rectification"]["number"]
        with database.write() as tx:
            vouchers.ask(tx.connection, request, rectified, tx.clock.now())
        self._ask_for(database, request, rectified)

    def _ask_for(self, database: Database, request: VoucherRequest, rectified: str) -> None:
        try:
            cae = self._provider.authorize(request)
        except Refused:
            with database.write() as tx:
                vouchers.withdraw(tx.connection, request)
            raise
        check_granted(request, cae)
        with database.write() as tx:
            vouchers.grant(tx.connection, request, rectified, cae, tx.clock.now())

    @staticmethod
    def _held(connection: Connection, request: VoucherRequest) -> Asked | None:
        return vouchers.find(connection, request.point_of_sale, request.voucher, request.number)

    def record(self, tx: Transaction, row: Issued, details: Details) -> None:
        """Note that the document is issued under its code. Conflict when its number has none for these figures."""
        request = self._request(tx.connection, row, details)
        held = self._held(tx.connection, request)
        if held is None or not held.code or held.invoice_id is not None or held.figures != request.figures():
            raise Conflict(
                f"Another document took a number of its series while {row.number} was authorised; do it again.",
                "NUMBER_TAKEN",
            )
        vouchers.use(tx.connection, request.point_of_sale, request.voucher, request.number, row.id)

    def _request(self, connection: Connection, row: Issued, details: Details) -> VoucherRequest:
        letter = row.series.partition("-")[0]
        sign = -1 if row.total < 0 else 1
        taxes = [replace(tax, base=sign * tax.base, amount=sign * tax.amount) for tax in details.taxes]
        charged = [tax for tax in taxes if tax.rate]
        exempt = sum((tax.base for tax in taxes if not tax.rate), ZERO)
        net = sum((tax.base for tax in charged), ZERO)
        total = sign * row.total
        untaxed = total - exempt - sum((tax.base + tax.amount for tax in charged), ZERO)
        if min([exempt, untaxed, *(part for tax in charged for part in (tax.base, tax.amount))]) < 0:
            raise Refused(
                f"Of bill {row.printed['rectification']['number']} one part rises and another falls (by IVA rate, exempt and "
                "untaxed): no single note says both. Issue a credit note and a debit note with the tax office's own tool, and "
                "discard the correction with their numbers as the reason.",
                "NOTE_OF_TWO_SIGNS",
            )
        holder = member_of(row.printed["holder"])
        document = "".join(filter(str.isdigit, holder.document))
        kind = DOCUMENTS.get(holder.document_type.lower(), UNIDENTIFIED)
        contracts = [
            contract for service in supply_of(row.printed["supply"]).services for contract in service.contracts
        ]
        return VoucherRequest(
            issuer=self._issuer,
            point_of_sale=self._point_of_sale,
            voucher=_voucher(row, letter),
            number=row.sequence,
            issue_date=row.issue_date,
            service_from=row.period_start,
            service_to=row.period_end - timedelta(days=1),
            due_date=row.due_date,
            recipient=(kind, int(document)) if kind != UNIDENTIFIED and document else (UNIDENTIFIED, 0),
            recipient_condition=CONDITIONS[contracts[-1].tax_condition],
            net=net,
            exempt=exempt,
            untaxed=untaxed,
            rates=tuple((IVA_CODES[Decimal(tax.rate)], tax.base, tax.amount) for tax in charged),
            total=total,
            associated=self._associated(connection, row) if row.kind == RECTIFYING else None,
        )

    def _associated(self, connection: Connection, row: Issued) -> Associated:
        """The document that is corrected, with the point of sale of the code under which it went out."""
        bill = invoices.find(connection, row.printed["rectification"]["number"])
        assert bill is not None
        code = fiscal.code_of(connection, bill.id)
        letter = bill.series.partition("-")[0]
        return Associated(
            voucher=_voucher(bill, letter) if bill.kind == CHARGE else VOUCHERS[letter],
            point_of_sale=code.point_of_sale if code else self._point_of_sale,
            number=bill.sequence,
            issuer=self._issuer,
            issue_date=bill.issue_date,
        )


def _voucher(row: Issued, letter: str) -> str:
    """The tax office's type of a document of a class."""
    if row.kind == CHARGE:
        return INVOICES[letter]
    return (CREDIT_NOTES if row.total < 0 else DEBIT_NOTES)[letter]
