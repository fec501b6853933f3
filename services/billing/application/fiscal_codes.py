"""Argentina: the CESP code under which each public services bill is issued, requested beforehand and kept, used or not.

Notes that correct bills, and what is no public service, have codes of their own (fiscal_notes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.billing.application.fiscal_notes import Authorisation, Vouchers
from services.billing.domain.fiscal.cesp import VOUCHERS, CespProvider, CodeRequest, check_granted, digits_of
from services.billing.domain.fiscal.terms import FiscalTerms
from services.billing.repository import fiscal
from services.billing.repository.fiscal import Code
from services.billing.repository.invoices import CHARGE, RECTIFYING, Details, Issued
from services.chassis.db import Database, Transaction
from services.chassis.errors import Unavailable
from services.chassis.periods import DatePeriod
from services.chassis.profile import Profile


class PublicServiceCodes:
    """One code for each class of voucher, point of sale and month of issue."""

    def __init__(
        self, profile: Profile, terms: FiscalTerms, provider: CespProvider, vouchers: Vouchers | None = None
    ) -> None:
        self._issuer = digits_of(profile.tax_id)
        self._point_of_sale = terms.point_of_sale
        self._provider = provider
        self.vouchers = vouchers

    def prepare(self, database: Database, issue_date: date) -> None:
        """Have a code of each class for bills of that date; what is granted and never used stays, to be reported.

        Raises what the provider raises: Refused with the tax office's reason (and for an answer that is none), Unavailable
        when it does not answer.
        """
        with database.read() as connection:
            had = fiscal.usable_codes(connection, self._point_of_sale, issue_date)
        period = DatePeriod.month(f"{issue_date:%Y-%m}")
        wanted = [
            CodeRequest(self._issuer, self._point_of_sale, voucher, period)
            for voucher in VOUCHERS.values()
            if voucher not in had
        ]
        if not wanted:
            return
        granted = self._provider.authorize(wanted)
        check_granted(wanted, granted, issue_date)
        with database.write() as tx:
            fiscal.keep_codes(tx.connection, granted, tx.clock.now())

    def authorise(self, database: Database, row: Issued, details: Details) -> Authorisation | None:
        return self.vouchers.authorise(database, row, details) if self.vouchers else None

    def record(self, tx: Transaction, issued: Sequence[tuple[Issued, Details]]) -> None:
        """Note the code of each bill. Unavailable when there is none: the chunk is prepared again and comes back."""
        uses: dict[str, str] = {}
        codes: dict[date, dict[str, str]] = {}
        for row, details in issued:
            if row.kind in (RECTIFYING, CHARGE):
                assert self.vouchers is not None, "without whom to ask none is made"
                self.vouchers.record(tx, row, details)
                continue
            if row.issue_date not in codes:
                codes[row.issue_date] = fiscal.usable_codes(tx.connection, self._point_of_sale, row.issue_date)
            voucher = VOUCHERS[voucher_class(row)]
            if voucher not in codes[row.issue_date]:
                raise Unavailable(
                    f"There is no CESP code of class {voucher} for bills issued on {row.issue_date} at point of sale "
                    f"{self._point_of_sale:05d}; it is requested again."
                )
            uses[row.id] = codes[row.issue_date][voucher]
        fiscal.use_codes(tx.connection, uses)


def voucher_class(row: Issued) -> str:
    """The class of a bill, which is the first letter of its series: "A" or "B"."""
    return row.series.partition("-")[0]


class FiscalCodes:
    """Questions about the codes of a cooperative."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, *, before: str, limit: int) -> list[Code]:
        """Codes with the number of bills issued under each, the latest first."""
        with self._database.read() as connection:
            return fiscal.codes(connection, before=before, limit=limit)
