"""What only one kind of statement has: the records of norma 43, the batches, returns and traps of camt.053."""

from __future__ import annotations

import io

import pytest

from services.billing.domain.payments.movements import StatementFile
from services.billing.domain.payments.statements import read_bank_file
from services.chassis.errors import Invalid
from tests.unit.billing.payments.statement_writers import Line, amount, csb43, document, entry

LINES = (Line(5544, text="RECIBO PEÑA"), Line(-100, text="GASTOS"))


def read(content: bytes) -> StatementFile:
    return read_bank_file(io.BytesIO(content))


def records(content: bytes) -> list[bytes]:
    return content.split(b"\r\n")[:-1]


def altered(record: int, start: int, value: bytes) -> bytes:
    """The sample with some bytes of a record replaced."""
    lines = records(csb43(LINES))
    lines[record] = lines[record][:start] + value + lines[record][start + len(value) :]
    return b"".join(line + b"\r\n" for line in lines)


def test_the_same_file_in_the_dialects_of_several_banks() -> None:
    content = csb43(LINES)
    good = read(content)
    stripped = b"\n".join(line.rstrip() for line in records(content))
    unbroken = b"".join(records(content))
    edited = content.decode("latin-1").encode()
    ended = content + b"\x1a"
    marked, moved_down = b"\xef\xbb\xbf" + edited, b"\r\n" + content
    for dialect in (stripped, unbroken, edited, ended, marked, moved_down):
        assert [(each.cents, each.texts, each.bank_reference) for each in read(dialect).movements] == [
            (each.cents, each.texts, each.bank_reference) for each in good.movements
        ]
    assert good.movements[0].texts == ("RECIBO PEÑA",) and good.movements[0].kind == "02/123"


@pytest.mark.parametrize(
    ("record", "start", "value", "sentence"),
    [
        (0, 32, b"3", "Line 1, sign of the initial balance has '3'"),
        (0, 2, b"x", "begins with"),
        (1, 28, b"0000000000554x", "Line 2, amount has '0000000000554x'"),
        (1, 28, b"00000000005545", "Line 6, total of credits"),
        (1, 27, b"1", "Line 6, count of debits"),
        (5, 59, b"00000000105445", "Line 6, final balance"),
        (5, 10, b"1", "Line 6, account"),
        (6, 20, b"000007", "Line 7, count of records has '000007': the file has 6"),
    ],
)
def test_what_does_not_add_up_is_refused_by_name(record: int, start: int, value: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read(altered(record, start, value))


def test_norma_43_in_utf_16_is_said_and_is_not_taken_for_xml() -> None:
    with pytest.raises(Invalid, match="a text in UTF-16, as no bank writes norma 43"):
        read(csb43(LINES).decode("latin-1").encode("utf-16"))
    assert read(
        document(entry(Line(300), "08"), 0, 300).replace(b"UTF-8", b"UTF-16").decode().encode("utf-16")
    ).movements


def test_a_balance_that_does_not_fit_is_said_as_people_write_money() -> None:
    with pytest.raises(Invalid, match=r"closing balance has '3\.01': 0\.00 and the entries make 3\.00\."):
        read(document(entry(Line(300), "08"), 0, 301))


def test_wrong_dates_and_texts_are_told_and_the_money_stays() -> None:
    found = read(altered(1, 16, b"261399"))
    assert [each.cents for each in found.movements] == [5544, -100]
    assert found.movements[0].valued_on == found.movements[0].booked_on
    assert found.findings[0].line == 2 and "'261399'" in found.findings[0].sentence
    found = read(altered(4, 0, b"77"))  # a record that the norm does not have
    assert [each.texts for each in found.movements] == [("RECIBO PEÑA",), ()]
    assert found.findings[0].field == "record"


def test_a_long_line_and_a_second_file_behind_the_first_are_refused() -> None:
    with pytest.raises(Invalid, match=r"Line 2, record .* it has 94 characters"):
        read(csb43(LINES).replace(b"\r\n22", b"\r\n22" + b"0" * 30, 1))
    with pytest.raises(Invalid, match="follows the end"):
        read(csb43(LINES) * 2)


def test_a_file_with_the_statements_of_two_accounts() -> None:
    first, second = records(csb43(LINES)), records(csb43(LINES[:1]))
    second = [line.replace(b"0200051332", b"0200051333", 1) for line in second]
    both = [*first[:-1], *second[:-1]]
    found = read(b"\r\n".join([*both, b"88" + b"9" * 18 + b"%06d" % len(both)]))
    assert [(each.account[-10:], len(each.movements)) for each in found.statements] == [
        ("0200051332", 2),
        ("0200051333", 1),
    ]
    assert len({each.bank_reference for each in found.movements}) == 3


def detail(cents: int, reference: str, more: str = "") -> str:
    return f"<TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>{amount(cents)}{more}</TxDtls>"


def test_a_batch_is_split_into_its_transactions() -> None:
    batch = entry(Line(300), "08", detail(100, "A") + detail(200, "B"), servicer="REF1")
    found = read(document(batch, 0, 300))
    assert [(each.cents, each.end_to_end) for each in found.movements] == [(100, "A"), (200, "B")]
    assert len({each.bank_reference for each in found.movements}) == 2


def test_a_batch_that_does_not_make_its_entry_stays_one_movement() -> None:
    found = read(document(entry(Line(300), "08", detail(100, "A") + detail(201, "B")), 0, 300))
    (movement,) = found.movements
    assert movement.cents == 300 and movement.texts == ("A", "B")
    assert "by hand" in found.findings[0].sentence


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_returned_direct_debit_names_its_reason_and_its_payer(version: str) -> None:
    name = "<Nm>Ana Perez</Nm>" if version == "02" else "<Pty><Nm>Ana Perez</Nm></Pty>"
    more = (
        f"<RltdPties><Dbtr>{name}</Dbtr><DbtrAcct><Id><IBAN>ES7921000813610123456789</IBAN></Id></DbtrAcct></RltdPties>"
        "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    )
    (movement,) = read(
        document(entry(Line(-5544), version, detail(-5544, "2026A000123", more)), 0, -5544, version)
    ).movements
    assert (movement.cents, movement.return_reason, movement.end_to_end) == (-5544, "AM04", "2026A000123")
    assert (movement.party_name, movement.party_iban) == ("Ana Perez", "ES7921000813610123456789")


def test_the_bank_s_reference_makes_the_key_whatever_else_it_says() -> None:
    first = read(document(entry(Line(300, text="one"), "08", servicer="REF1"), 0, 300)).movements[0]
    second = read(document(entry(Line(300, text="two"), "08", servicer="REF1"), 50, 350)).movements[0]
    other = read(document(entry(Line(300, text="two"), "08", servicer="REF2"), 50, 350)).movements[0]
    assert first.bank_reference == second.bank_reference != other.bank_reference


def test_pending_entries_are_not_money_yet() -> None:
    found = read(document(entry(Line(300), "08") + entry(Line(400), "08", status="PDNG"), 0, 300))
    assert [each.cents for each in found.movements] == [300]
    assert "not booked yet" in found.findings[0].sentence


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"camt.053.001.08", b"camt.053.001.99", "camt.053.001.99"),
        (b"camt.053.001.08", b"camt.052.001.08", "camt.052.001.08"),
        (b"3.00</Amt>", b"3.001</Amt>", "two decimals"),
        (b"3.00</Amt>", b"1e3</Amt>", "no amount"),
        (b"<CdtDbtInd>CRDT</CdtDbtInd><Sts>", b"<CdtDbtInd>CRED</CdtDbtInd><Sts>", "neither CRDT nor DBIT"),
        (b'<Amt Ccy="EUR">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', b"<Sts>", "amount is missing"),
        (b"<Stmt>", b'<!DOCTYPE a [<!ENTITY b "c">]><Stmt>', "damaged|document type"),
        (b"<Document", b'<!DOCTYPE a [<!ENTITY b "c">]><Document', "document type"),
        (b"<Id>S1</Id>", b"<Id>&b;</Id>", "damaged"),
        (b"<Id>S1</Id>", b"<a>" * 70 + b"</a>" * 70, "70|deep"),
        (b"S1", b"x" * 70000, "longer than"),
        (b'encoding="UTF-8"', b'encoding="rot13"', "encoding|damaged"),
    ],
)
def test_damaged_and_hostile_xml_is_refused_with_a_sentence(old: bytes, new: bytes, sentence: str) -> None:
    content = document(entry(Line(300), "08"), 0, 300)
    assert old in content
    with pytest.raises(Invalid, match=sentence):
        read(content.replace(old, new))


def test_without_balances_the_statement_is_taken_and_that_is_said() -> None:
    content = document(entry(Line(300), "08"), 0, 300).replace(b"<Cd>CLBD</Cd>", b"<Cd>CLAV</Cd>")
    found = read(content)
    assert [each.cents for each in found.movements] == [300] and found.statements[0].closing_cents is None
    assert "could not be checked" in found.findings[0].sentence
