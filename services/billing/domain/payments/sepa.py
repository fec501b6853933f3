"""Remittances of SEPA direct debits: pain.008.001.08, CORE scheme, written by the library sepaxml.

Source: ISO 20022 pain.008.001.08; EPC130-08 (CORE implementation guidelines: characters, lengths, addresses left out
because unstructured ones are refused since 15 November 2026). What leaves here was checked against the published schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import count
from typing import Literal
from xml.sax.saxutils import unescape

from lxml import etree
from sepaxml import SepaDD
from text_unidecode import unidecode

from services.billing.domain.payments.iban import parse_creditor_id, parse_iban
from services.chassis.errors import Invalid

SCHEMA = "pain.008.001.08"
#: RCUR is good for the first collection too; OOFF is for a mandate that is used once; FNAL is the last one.
SequenceType = Literal["FRST", "RCUR", "FNAL", "OOFF"]
SEQUENCE_TYPES: tuple[SequenceType, ...] = ("FRST", "RCUR", "FNAL", "OOFF")

_NAME, _TEXT, _REFERENCE, _MESSAGE = 70, 140, 35, 30
_MOST_CENTS = 99_999_999_999
_REFERENCE_SIGNS = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9+?/:().,'-]+(?<!/)")
_OTHER_SIGNS = re.compile(r"[^A-Za-z0-9+?/:().,' -]+")


@dataclass(frozen=True)
class Creditor:
    """Who collects: name, account and creditor identifier (AT-02)."""

    name: str
    iban: str
    creditor_id: str


@dataclass(frozen=True)
class Collection:
    """One direct debit. `cents` of EUR; `end_to_end` comes back with the statement and with a return."""

    end_to_end: str
    cents: int
    mandate: str
    signed_on: date
    holder: str
    iban: str
    collect_on: date
    text: str
    sequence: SequenceType = "RCUR"
    #: The mandate's account is another than that of its last collection.
    amended: bool = False


def remittance(creditor: Creditor, collections: Iterable[Collection], message_id: str, created_at: datetime) -> bytes:
    """The file for the bank; the same arguments give the same bytes. One payment block per date and sequence type.

    `created_at` is an aware instant. Invalid, naming collection and field, for what a bank would refuse.
    """
    _reference("message id", message_id, _MESSAGE, "remittance")
    ordered = sorted(collections, key=lambda each: (each.collect_on, each.sequence, each.end_to_end))
    if not ordered:
        raise Invalid("The remittance has no collection; there is nothing to send to the bank.", field="collections")
    _check_once(ordered)
    writer = SepaDD(
        {
            "name": sepa_text(creditor.name, _NAME, "name of the creditor"),
            "IBAN": parse_iban(creditor.iban, "creditor.iban", sepa=True),
            "creditor_id": parse_creditor_id(creditor.creditor_id, "creditor.creditor_id"),
            "currency": "EUR",
            "batch": True,
        },
        schema=SCHEMA,
        clean=False,
    )
    for each in ordered:
        writer.add_payment(_payment(each))
    written = _named(writer.export(validate=False), message_id, created_at)
    written = _told_of_amendments(written, {each.end_to_end for each in ordered if each.amended})
    check_schema(written)
    return written


def check_schema(content: bytes) -> None:
    """Invalid, with the line of the schema's objection, for a file that is not a pain.008.001.08."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        document = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as wrong:
        raise Invalid(f"The remittance is not XML: {wrong.msg}.", field="remittance") from wrong
    schema = _schema()
    if not schema.validate(document):
        objection = schema.error_log.last_error
        raise Invalid(f"The remittance does not follow {SCHEMA}: {objection.message}", field="remittance")


def sepa_text(text: str, length: int, what: str = "text") -> str:
    """Basic Latin as banks take it, cut at `length`: "Ana Pérez" is "Ana Perez". Invalid when nothing is left."""
    plain = " ".join(_OTHER_SIGNS.sub(" ", unidecode(text)).split())[:length].strip()
    if not plain:
        raise Invalid(f"The {what} {text[:40]!r} has no letter or digit that a bank takes; write it in Latin letters.")
    return plain


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    with as_file(files("sepaxml") / "schemas" / f"{SCHEMA}.xsd") as path:
        return etree.XMLSchema(etree.parse(str(path)))


def _payment(each: Collection) -> dict[str, object]:
    """A collection in the words of sepaxml."""
    name = f"collection {each.end_to_end[:_REFERENCE]}"
    _reference("end-to-end id", each.end_to_end, _REFERENCE, name)
    _reference("mandate", each.mandate, _REFERENCE, name)
    if not 0 < each.cents <= _MOST_CENTS:
        raise Invalid(f"The {name} is of {each.cents} cents; a direct debit is from 0.01 to 999999999.99 EUR.")
    if each.sequence not in SEQUENCE_TYPES:
        raise Invalid(f"The {name} has the sequence type {each.sequence!r}; use one of {', '.join(SEQUENCE_TYPES)}.")
    if each.signed_on > each.collect_on:
        raise Invalid(f"The mandate of {name} was signed on {each.signed_on}, after its day {each.collect_on}.")
    return {
        "name": sepa_text(each.holder, _NAME, f"holder of {name}"),
        "IBAN": parse_iban(each.iban, f"{name}: iban", sepa=True),
        "amount": each.cents,
        "type": each.sequence,
        "collection_date": each.collect_on,
        "mandate_id": each.mandate,
        "mandate_date": each.signed_on,
        "description": sepa_text(each.text, _TEXT, f"text of {name}"),
        "endtoend_id": each.end_to_end,
    }


def _check_once(ordered: list[Collection]) -> None:
    seen: set[str] = set()
    for each in ordered:
        if each.end_to_end in seen:
            raise Invalid(f"{each.end_to_end!r} is in the remittance twice; collect each document once.", "TWICE")
        seen.add(each.end_to_end)


def _reference(what: str, text: str, length: int, of: str) -> None:
    if len(text) > length or not _REFERENCE_SIGNS.fullmatch(text):
        raise Invalid(
            f"The {what} {text[:60]!r} of {of} must be 1 to {length} letters, digits or signs + ? / : ( ) . , ' - without "
            "blanks, and no slash at an end or twice together.",
            field=what,
        )


def _told_of_amendments(written: bytes, amended: Set[str]) -> bytes:
    """Says of collections, by end-to-end id, that their mandate was amended: SMNDA, same mandate with a new account, holds
    for an account at the same bank and at another one (EPC130-08, AT-24).
    """
    if not amended:
        return written

    def told(found: re.Match[bytes]) -> bytes:
        if unescape(found[1].decode()) not in amended:
            return found[0]
        former = b"<OrgnlDbtrAcct><Id><Othr><Id>SMNDA</Id></Othr></Id></OrgnlDbtrAcct>"
        return found[0] + b"<AmdmntInd>true</AmdmntInd><AmdmntInfDtls>" + former + b"</AmdmntInfDtls>"

    return re.sub(rb"<EndToEndId>([^<]*)</EndToEndId>.*?</DtOfSgntr>", told, written, flags=re.DOTALL)


def _named(written: bytes, message_id: str, created_at: datetime) -> bytes:
    """The ids and the hour that the library draws by chance and clock, replaced by ours: a file can be written again."""
    hour = f"{created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
    numbers = count(1)
    written = re.sub(rb"<MsgId>[^<]*", b"<MsgId>" + message_id.encode(), written, count=1)
    written = re.sub(rb"<CreDtTm>[^<]*", b"<CreDtTm>" + hour.encode(), written, count=1)
    return re.sub(rb"<PmtInfId>[^<]*", lambda _: f"<PmtInfId>{message_id}-{next(numbers)}".encode(), written)
