"""What an invoice is for its tax office, in the transaction that issues it: a record in the chain, or a code granted before.

Which of the two (or neither) is the cooperative's country and profile; `fiscal_office` chooses once, at start.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from services.billing.application.fiscal_codes import PublicServiceCodes
from services.billing.application.fiscal_notes import Authorisation, Vouchers
from services.billing.application.fiscal_records import InvoiceRecords
from services.billing.domain.fiscal.cae import CaeProvider
from services.billing.domain.fiscal.cesp import CespProvider
from services.billing.domain.fiscal.sandbox import CAE_PROVIDERS, CESP_PROVIDERS
from services.billing.repository.invoices import Details, Issued
from services.billing.rules import Rules
from services.chassis.db import Database, Transaction


class FiscalOffice(Protocol):
    #: Who asks for the codes of documents that are authorised one by one; None where none is.
    vouchers: Vouchers | None

    def prepare(self, database: Database, issue_date: date) -> None:
        """What has to be had before bills of that date are issued; asks others, so never inside a transaction."""
        ...

    def authorise(self, database: Database, row: Issued, details: Details) -> Authorisation | None:
        """The code that a rectifying document needs before it is issued, None when it needs none; outside a transaction."""
        ...

    def record(self, tx: Transaction, issued: Sequence[tuple[Issued, Details]]) -> None:
        """Record the invoices, in the order of their numbers, in the transaction that issues them."""
        ...


class NothingToTell:
    """A cooperative whose invoices need neither record nor code from this system."""

    vouchers: Vouchers | None = None

    def prepare(self, database: Database, issue_date: date) -> None:
        return

    def authorise(self, database: Database, row: Issued, details: Details) -> Authorisation | None:
        return None

    def record(self, tx: Transaction, issued: Sequence[tuple[Issued, Details]]) -> None:
        return


def fiscal_office(
    rules: Rules, provider: CespProvider | None = None, vouchers: CaeProvider | None = None
) -> FiscalOffice:
    """The office of the profile; `provider` and `vouchers` stand in for the profile's providers of codes."""
    if rules.fiscal.verifactu is not None:
        return InvoiceRecords(rules.profile, rules.fiscal.verifactu)
    if provider is None and rules.fiscal.cesp_provider:
        provider = CESP_PROVIDERS[rules.fiscal.cesp_provider]()
    if vouchers is None and rules.fiscal.cae_provider:
        vouchers = CAE_PROVIDERS[rules.fiscal.cae_provider]()
    if provider is not None:
        one_by_one = Vouchers(rules.profile, rules.fiscal, vouchers) if vouchers else None
        return PublicServiceCodes(rules.profile, rules.fiscal, provider, one_by_one)
    return NothingToTell()
