"""Spain: the Veri*factu record of every issued invoice, and the check of the chain they form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.billing.application.fiscal_notes import Vouchers
from services.billing.domain.bill import ZERO
from services.billing.domain.fiscal import verifactu_xml
from services.billing.domain.fiscal.terms import Software
from services.billing.domain.fiscal.verifactu import (
    FULL_INVOICE,
    Broken,
    ChainCheck,
    Record,
    registration_hash,
    spanish_date,
    stamp,
)
from services.billing.domain.rectifying import SUBSTITUTION
from services.billing.repository import fiscal, invoices
from services.billing.repository.fiscal import ChainEnd
from services.billing.repository.invoices import Details, Issued
from services.chassis.db import Database, Transaction
from services.chassis.errors import Invalid, Refused
from services.chassis.profile import Profile

#: The tax office's numbers of the taxes that invoices charge, of the general regime, and of what is subject or not.
TAXES = {"iva": "01", "ipsi": "02", "igic": "03"}
GENERAL_REGIME, SUBJECT, NOT_SUBJECT = "01", "S1", "N1"
#: Spanish documents are tax numbers; of the others, a passport and any other proof have their own kinds.
TAX_NUMBERS = frozenset({"nif", "nie", "cif", "dni"})
OTHER_DOCUMENTS, ANY_OTHER = {"passport": "03"}, "06"
SERVICES = {"electricity": "electricidad", "water": "agua"}
LONGEST_NAME = 120
LONGEST_DESCRIPTION = 500


class InvoiceRecords:
    """Makes the records. All invoices of the cooperative are one chain, whatever their series."""

    vouchers: Vouchers | None = None

    def __init__(self, profile: Profile, software: Software) -> None:
        self._profile = profile
        self._software = _software(software)

    def prepare(self, database: Database, issue_date: date) -> None:
        return

    def authorise(self, database: Database, row: Issued, details: Details) -> None:
        """Nobody is asked: the record is made with the invoice and sent afterwards."""
        return

    def record(self, tx: Transaction, issued: Sequence[tuple[Issued, Details]]) -> None:
        """A record for each invoice, chained to the last one of the cooperative's chain, which is held until the end."""
        if not issued:
            return
        end = fiscal.take(tx.connection, self._profile.tax_id)
        generated_at = self._generated_at(end, tx.clock.now())
        records = []
        for row, details in issued:
            record = self._registration(row, details, end, generated_at)
            end = ChainEnd(
                record.issuer, record.position, record.number, record.issue_date, record.hash, record.generated_at
            )
            records.append((row.id, record))
        fiscal.keep(tx.connection, records)
        fiscal.put(tx.connection, end)

    def _generated_at(self, end: ChainEnd, now: datetime) -> str:
        # Clocks of two machines may differ: no record says that it was made before the one it follows.
        before = [datetime.fromisoformat(end.last_generated_at)] if end.last_generated_at else []
        return stamp(max([now, *before]), self._profile.tz)

    def _registration(self, row: Issued, details: Details, end: ChainEnd, generated_at: str) -> Record:
        quota = _quota(details)
        issuer = self._profile.tax_id
        rectifies = row.printed.get("rectification")
        invoice_type = rectifies["record_type"] if rectifies else FULL_INVOICE
        return Record(
            position=end.last_position + 1,
            kind="registration",
            issuer=issuer,
            number=row.number,
            issue_date=row.issue_date,
            generated_at=generated_at,
            previous_hash=end.last_hash,
            hash=registration_hash(
                issuer, row.number, row.issue_date, invoice_type, quota, row.total, end.last_hash, generated_at
            ),
            invoice_type=invoice_type,
            quota=quota,
            total=row.total,
            content={
                "issuer_name": self._profile.legal_name[:LONGEST_NAME],
                "description": _description(row, details),
                "recipient": _recipient(row.printed["holder"]),
                "breakdown": _breakdown(row, details),
                "previous": _previous(end),
                "software": self._software,
                **({"rectifies": self._rectified(rectifies)} if rectifies else {}),
            },
        )

    def _rectified(self, rectifies: dict[str, Any]) -> dict[str, Any]:
        """How, and which invoices; what those that are substituted said together (base and tax)."""
        found = {
            "method": rectifies["method"],
            "issuer": self._profile.tax_id,
            "documents": [
                [number, spanish_date(date.fromisoformat(issued))] for number, issued in rectifies["documents"]
            ],
        }
        if rectifies["method"] == SUBSTITUTION:
            said = [(Decimal(base), Decimal(tax)) for kind, base, tax in rectifies["taxes"] if kind in TAXES]
            base, quota = (sum(amounts, ZERO) for amounts in zip(*said, strict=True)) if said else (ZERO, ZERO)
            found |= {"base": f"{base:.2f}", "quota": f"{quota:.2f}"}
        return found


def _software(software: Software) -> dict[str, str]:
    """This system only works in the verifiable mode and keeps one taxpayer's invoices."""
    return {
        "NombreRazon": software.producer[:LONGEST_NAME],
        "NIF": software.producer_nif,
        "NombreSistemaInformatico": software.name[:30],
        "IdSistemaInformatico": software.code,
        "Version": software.version[:50],
        "NumeroInstalacion": software.installation[:100],
        "TipoUsoPosibleSoloVerifactu": "S",
        "TipoUsoPosibleMultiOT": "N",
        "IndicadorMultiplesOT": "N",
    }


def _quota(details: Details) -> Decimal:
    return sum((tax.amount for tax in details.taxes if tax.kind in TAXES), ZERO)


def _breakdown(row: Issued, details: Details) -> list[dict[str, str]]:
    """A part for each rate, and what of the total is in no tax's base."""
    parts = [
        {
            "Impuesto": TAXES[tax.kind],
            "ClaveRegimen": GENERAL_REGIME,
            "CalificacionOperacion": SUBJECT,
            "TipoImpositivo": f"{tax.rate * 100:.2f}",
            "BaseImponibleOimporteNoSujeto": f"{tax.base:.2f}",
            "CuotaRepercutida": f"{tax.amount:.2f}",
        }
        for tax in details.taxes
        if tax.kind in TAXES
    ]
    rest = row.total - sum((tax.base + tax.amount for tax in details.taxes if tax.kind in TAXES), ZERO)
    if rest or not parts:
        parts.append(
            {
                "Impuesto": TAXES["iva"],
                "ClaveRegimen": GENERAL_REGIME,
                "CalificacionOperacion": NOT_SUBJECT,
                "BaseImponibleOimporteNoSujeto": f"{rest:.2f}",
            }
        )
    return parts


def _recipient(holder: dict[str, Any]) -> dict[str, str]:
    name, kind = str(holder["name"])[:LONGEST_NAME], str(holder["document_type"]).lower()
    if kind in TAX_NUMBERS:
        return {"name": name, "nif": str(holder["document"])}
    return {"name": name, "id_type": OTHER_DOCUMENTS.get(kind, ANY_OTHER), "id": str(holder["document"])[:20]}


def _description(row: Issued, details: Details) -> str:
    """For the Spanish tax office, so in its language: «Suministro de electricidad del 01-10-2026 al 31-10-2026»."""
    rectifies = row.printed.get("rectification")
    if "charge" in row.printed:
        said = row.printed["charge"]
        done = f"{said['name']}, {spanish_date(row.period.start)}: {said['text']}"
        return (f"Rectificación de la factura {rectifies['number']}. {done}" if rectifies else done)[
            :LONGEST_DESCRIPTION
        ]
    services = dict.fromkeys(SERVICES.get(line.service, line.service) for line in details.lines)
    first, last = spanish_date(row.period.start), spanish_date(row.period.end - timedelta(days=1))
    supplied = f"Suministro de {' y '.join(services)} del {first} al {last}"
    return f"Rectificación de la factura {rectifies['number']}. {supplied}" if rectifies else supplied


def _previous(end: ChainEnd) -> dict[str, str] | None:
    if not end.last_position:
        return None
    assert end.last_issue_date is not None
    return {"issuer": end.issuer, "number": end.last_number, "issue_date": spanish_date(end.last_issue_date)}


# -------------------------------------------------------------------------------------------------- what the office asks
@dataclass(frozen=True)
class ChainState:
    """How far the chain is sound, the first record that is not, and invoices issued since it began without a record."""

    records: int
    broken: Broken | None = None
    without_record: tuple[str, ...] = ()


@dataclass(frozen=True)
class SendingFile:
    name: str
    content: bytes


class FiscalRecords:
    """Questions about the records of a cooperative."""

    def __init__(self, database: Database, profile: Profile) -> None:
        self._database = database
        self._profile = profile

    def sendings(self, first: date, last: date) -> Iterator[SendingFile]:
        """The records of the invoices issued from `first` to `last`, both included, as files of at most 1,000 records.

        Invalid when the days are in the wrong order; Refused when there is no record.
        """
        if last < first:
            raise Invalid(f"The last day {last} is before the first, {first}.", field="last_day")
        issuer = self._profile.tax_id
        made = False
        with self._database.read() as connection:
            for records in fiscal.records_between(connection, issuer, first, last):
                made = True
                name = f"verifactu-{records[0].position:08d}-{records[-1].position:08d}.xml"
                yield SendingFile(name, verifactu_xml.sending(records, self._profile.legal_name, issuer))
        if not made:
            raise Refused(
                f"No invoice issued from {first} to {last} has a record: nothing was issued then, or the profile had no "
                "[fiscal] verifactu = true.",
                "NO_FISCAL_RECORDS",
            )

    def check(self) -> ChainState:
        """Recompute the whole chain and compare every record with its invoice; stops at the first that does not stand."""
        issuer = self._profile.tax_id
        check = ChainCheck()
        with self._database.read() as connection:
            end = fiscal.end_of(connection, issuer)
            for batch in fiscal.chain(connection, issuer):
                issued = invoices.totals(connection, [invoice_id for _, invoice_id in batch], tuple(TAXES))
                for record, invoice_id in batch:
                    broken = check.follow(record) or _unlike(record, issued.get(invoice_id))
                    if broken is not None:
                        return ChainState(record.position - 1, broken)
            if check.followed != end.last_position:
                why = f"the chain ends at record {check.followed} and should reach {end.last_position}"
                return ChainState(check.followed, Broken(check.followed + 1, end.last_number, why))
            return ChainState(check.followed, None, tuple(fiscal.without_record(connection, issuer)))


def _unlike(record: Record, issued: tuple[str, date, Decimal, Decimal] | None) -> Broken | None:
    """What the record says otherwise than its invoice."""
    said = (record.number, record.issue_date, record.total, record.quota)
    if record.kind == "registration" and said != issued:
        why = "it does not say what its invoice says: number, date, total and tax of the two differ"
        return Broken(record.position, record.number, why)
    return None
