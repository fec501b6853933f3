"""CAE: the code that authorises one Argentine voucher, by its number and figures (WSFEv1): the notes that correct bills, and
the invoices of what is no public service.

Unlike a CESP it is asked for each document, after its number is known and before it is issued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from services.billing.domain.fiscal.cesp import DIGITS
from services.chassis.errors import Unavailable

#: The tax office's types of the invoices of each class, and of its notes: debit notes charge more, credit notes less.
INVOICES = {"A": "001", "B": "006"}
DEBIT_NOTES = {"A": "002", "B": "007"}
CREDIT_NOTES = {"A": "003", "B": "008"}
#: Its numbers of the IVA rates (ratios) and of the recipient's documents and conditions.
IVA_CODES = {Decimal("0.105"): 4, Decimal("0.21"): 5, Decimal("0.27"): 6}
DOCUMENTS = {"cuit": 80, "cuil": 86, "dni": 96}
UNIDENTIFIED = 99
CONDITIONS = {"registered": 1, "exempt": 4, "consumer": 5, "monotributo": 6}
SERVICES = 2
PESOS = "PES"


@dataclass(frozen=True)
class Associated:
    """The bill that a note corrects (CbtesAsoc, obligatory since RG 4540/2019)."""

    voucher: str
    point_of_sale: int
    number: int
    issuer: str
    issue_date: date

    def figures(self) -> dict[str, Any]:
        return {
            "Tipo": int(self.voucher),
            "PtoVta": self.point_of_sale,
            "Nro": self.number,
            "Cuit": self.issuer,
            "CbteFch": f"{self.issue_date:%Y%m%d}",
        }


@dataclass(frozen=True)
class VoucherRequest:
    """A voucher for which a CAE is wanted. Amounts are above zero whether the note is of credit or of debit.

    `rates`: the tax office's number of each IVA rate, with base and tax; `exempt` is in the tax without paying it,
    `untaxed` outside it. `recipient` is a document type and number, (99, 0) when unidentified.
    """

    issuer: str  # CUIT, eleven digits
    point_of_sale: int
    voucher: str
    number: int
    issue_date: date
    service_from: date
    service_to: date  # included
    due_date: date
    recipient: tuple[int, int]
    recipient_condition: int
    net: Decimal
    exempt: Decimal
    untaxed: Decimal
    rates: tuple[tuple[int, Decimal, Decimal], ...]
    total: Decimal
    associated: Associated | None = None  # of a note

    def figures(self) -> dict[str, Any]:
        """What the voucher says besides its number and dates of issue and payment, in the names of the tax office."""
        return {
            "Concepto": SERVICES,
            "DocTipo": self.recipient[0],
            "DocNro": self.recipient[1],
            "CondicionIVAReceptorId": self.recipient_condition,
            "FchServDesde": f"{self.service_from:%Y%m%d}",
            "FchServHasta": f"{self.service_to:%Y%m%d}",
            "ImpNeto": f"{self.net:.2f}",
            "ImpOpEx": f"{self.exempt:.2f}",
            "ImpTotConc": f"{self.untaxed:.2f}",
            "ImpIVA": f"{sum((tax for _, _, tax in self.rates), Decimal(0)):.2f}",
            "ImpTotal": f"{self.total:.2f}",
            "MonId": PESOS,
            "Iva": [{"Id": code, "BaseImp": f"{base:.2f}", "Importe": f"{tax:.2f}"} for code, base, tax in self.rates],
            **({"CbtesAsoc": [self.associated.figures()]} if self.associated else {}),
        }


@dataclass(frozen=True)
class Cae:
    """A code granted: fourteen digits, the last day on which the voucher may be handed over, and who granted it."""

    code: str
    valid_until: date
    provider: str  # "sandbox" authorises nothing


class CaeProvider(Protocol):
    """Whoever grants codes: the tax office's service, or the sandbox."""

    @property
    def name(self) -> str: ...

    def authorize(self, request: VoucherRequest) -> Cae:
        """The code of a voucher; a number that was authorised before with the same figures gets the same code again.

        Raises Refused with the tax office's reason (also for a number authorised with other figures, or out of order) and
        Unavailable or TimedOut when it does not answer, and then it may have been authorised. How long it waits is the
        provider's own; whoever asks holds nothing meanwhile.
        """
        ...


def check_granted(request: VoucherRequest, cae: Cae) -> None:
    """Unavailable for an answer that is none: the number may be authorised, so the question stays and is asked again."""
    if len(cae.code) != DIGITS or not cae.code.isdigit():
        wrong = f"the code {cae.code!r} has not {DIGITS} digits"
    elif cae.valid_until < request.issue_date:
        wrong = f"the code {cae.code} is valid until {cae.valid_until} only"
    else:
        return
    raise Unavailable(
        f"What the provider of CAE codes answered for number {request.number} of type {request.voucher} cannot be used: "
        f"{wrong}. Nothing is issued; see to the provider, and ask again with the same request."
    )


def sums(figures: Mapping[str, Any]) -> str:
    """The total of a voucher's figures, for sentences."""
    return str(figures["ImpTotal"])
