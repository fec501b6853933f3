"""Small writers of bank statements: the same movements as camt.053 in its forms, and as norma 43."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

IBAN = "ES9121000418450200051332"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


@dataclass(frozen=True)
class Line:
    """A movement to write: signed cents, and what the payer said."""

    cents: int
    day: date = date(2026, 11, 20)
    valued: date = date(2026, 11, 21)
    text: str = "FACTURA 2026A000123"
    reference: str = ""


Writer = Callable[[Sequence[Line], int], bytes]


def signed43(cents: int) -> str:
    return f"{1 if cents < 0 else 2}{abs(cents):014d}"


def csb43(lines: Sequence[Line], opening: int = 100_000) -> bytes:
    account = IBAN[4:12] + IBAN[14:]
    records = [f"11{account}{FIRST:%y%m%d}{LAST:%y%m%d}{signed43(opening)}9783{'COOPERATIVA ELECTRICA':<26}   "]
    for line in lines:
        records.append(
            f"22    {account[4:8]}{line.day:%y%m%d}{line.valued:%y%m%d}02123{signed43(line.cents)}"
            f"{0:010d}{line.reference or 0:>012}{'':16}"
        )
        if line.text:
            records.append(f"2301{line.text[:38]:<38}{line.text[38:76]:<38}")
    debits, credits = [x.cents for x in lines if x.cents < 0], [x.cents for x in lines if x.cents >= 0]
    records.append(
        f"33{account}{len(debits):05d}{-sum(debits):014d}{len(credits):05d}{sum(credits):014d}"
        f"{signed43(opening + sum(debits) + sum(credits))}978    "
    )
    records.append(f"88{'9' * 18}{len(records):06d}{'':54}")
    assert {len(record) for record in records} == {80}, [(len(record), record) for record in records]
    return "".join(f"{record}\r\n" for record in records).encode("latin-1")


def amount(cents: int) -> str:
    return f'<Amt Ccy="EUR">{abs(cents) // 100}.{abs(cents) % 100:02d}</Amt>{indicator(cents)}'


def indicator(cents: int) -> str:
    return f"<CdtDbtInd>{'DBIT' if cents < 0 else 'CRDT'}</CdtDbtInd>"


def entry(line: Line, version: str, details: str = "", status: str = "BOOK", servicer: str = "") -> str:
    booked = f"<Cd>{status}</Cd>" if version > "02" else status
    said = f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd></RmtInf>" if line.text else ""
    references = f"<Refs><EndToEndId>{line.reference}</EndToEndId></Refs>" if line.reference else ""
    return (
        f"<Ntry>{amount(line.cents)}<Sts>{booked}</Sts><BookgDt><Dt>{line.day}</Dt></BookgDt>"
        f"<ValDt><Dt>{line.valued}</Dt></ValDt>{f'<AcctSvcrRef>{servicer}</AcctSvcrRef>' if servicer else ''}"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls>{details or f'<TxDtls>{references}{said}</TxDtls>'}</NtryDtls></Ntry>\n"
    )


def balance(code: str, cents: int, day: date) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{amount(cents)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def document(entries: str, opening: int, closing: int, version: str = "08", summary: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr><Stmt><Id>S1</Id><FrToDt><FrDtTm>{FIRST}T00:00:00</FrDtTm>"
        f"<ToDtTm>{LAST}T23:59:59</ToDtTm></FrToDt><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
        f"{balance('OPBD', opening, FIRST)}{balance('CLBD', closing, LAST)}{summary}\n{entries}</Stmt></BkToCstmrStmt>"
        "</Document>"
    ).encode()


def camt(version: str) -> Writer:
    def write(lines: Sequence[Line], opening: int = 100_000) -> bytes:
        closing = opening + sum(line.cents for line in lines)
        summary = f"<TxsSummry><TtlNtries><NbOfNtries>{len(lines)}</NbOfNtries></TtlNtries></TxsSummry>"
        return document("".join(entry(line, version) for line in lines), opening, closing, version, summary)

    return write


WRITERS: dict[str, Writer] = {
    "csb43": csb43,
    **{f"camt.053.001.{version:02d}": camt(f"{version:02d}") for version in range(2, 9)},
}
