"""The contract of every reader of bank statements: what was written is read, money is all there or the file is refused."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain.payments.movements import StatementFile
from services.billing.domain.payments.statements import read_bank_file
from services.chassis.errors import Invalid
from tests.unit.billing.payments.statement_writers import FIRST, IBAN, LAST, WRITERS, Line

SAMPLE = (
    Line(5544),
    Line(-1250, text="COMISION", day=date(2026, 11, 3)),
    Line(5544),
    Line(3005, text="Ibáñez, recibo de noviembre", day=date(2026, 11, 30), reference="20260000123"),
)
FORMATS = [pytest.param(name, id=name) for name in WRITERS]
KINDS = ["csb43", "camt.053.001.02", "camt.053.001.08"]
MUTATIONS = 2000


def read(content: bytes) -> StatementFile:
    return read_bank_file(io.BytesIO(content))


@pytest.mark.parametrize("name", KINDS)
def test_a_day_outside_the_statement_is_told_and_the_money_stays(name: str) -> None:
    found = read(WRITERS[name]((Line(5544), Line(100, day=date(2006, 11, 20))), 0))
    assert [each.cents for each in found.movements] == [5544, 100]
    (finding,) = found.findings
    assert finding.value == "2006-11-20" and "The statement is of 2026-11-01 to 2026-11-30" in finding.sentence


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_written_is_read(name: str) -> None:
    found = read(WRITERS[name](SAMPLE, 100_000))
    assert found.format == name and found.findings == ()
    (statement,) = found.statements
    assert (statement.account, statement.currency) == (IBAN, "EUR")
    assert (statement.first_day, statement.last_day) == (FIRST, LAST)
    assert (statement.opening_cents, statement.closing_cents) == (100_000, 112_843)
    for line, movement in zip(SAMPLE, statement.movements, strict=True):
        assert (movement.account, movement.currency, movement.cents) == (IBAN, "EUR", line.cents)
        assert (movement.booked_on, movement.valued_on) == (line.day, line.valued)
        assert movement.texts == (line.text,) and movement.line > 0
        assert ("20260000123" in " ".join(movement.references)) == bool(line.reference)
    assert str(statement.movements[1].amount) == "-12.50"


@pytest.mark.parametrize("name", FORMATS)
def test_keys_are_the_same_in_every_file_and_never_repeat_in_one(name: str) -> None:
    keys = [each.bank_reference for each in read(WRITERS[name](SAMPLE, 100_000)).movements]
    assert len(set(keys)) == len(SAMPLE)
    again = [each.bank_reference for each in read(WRITERS[name](SAMPLE[1:], 105_544)).movements]
    # The first of two equal receipts is gone from the second file: one is left, as the first of its kind.
    assert again == [keys[1], keys[0], keys[3]]
    other = [each.bank_reference for each in read(WRITERS[name]([replace(SAMPLE[0], cents=5545)], 0)).movements]
    assert not set(other) & set(keys)


@settings(max_examples=60)
@given(
    st.sampled_from(KINDS),
    st.integers(-(10**9), 10**9),
    st.lists(
        st.builds(
            Line,
            cents=st.integers(-(10**9), 10**9),
            day=st.dates(FIRST, LAST),
            valued=st.dates(FIRST, LAST),
            text=st.from_regex(r"[A-Za-zÑñáü0-9][A-Za-zÑñáü0-9 /.<>&]{0,36}[A-Za-z0-9]", fullmatch=True),
        ),
        max_size=12,
    ),
)
def test_any_movements_come_back(name: str, opening: int, lines: list[Line]) -> None:
    (statement,) = read(WRITERS[name](lines, opening)).statements
    assert [(each.cents, each.booked_on, each.valued_on) for each in statement.movements] == [
        (line.cents, line.day, line.valued) for line in lines
    ]
    assert [each.texts for each in statement.movements] == [(line.text,) for line in lines]
    assert statement.closing_cents == opening + sum(line.cents for line in lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_statement_of_which_a_movement_is_missing_is_refused_whole(name: str) -> None:
    content = WRITERS[name](SAMPLE, 100_000)
    if name == "csb43":
        lines = content.splitlines(keepends=True)
        shorter = b"".join(line for number, line in enumerate(lines) if number not in (3, 4))
    else:
        shorter = content.replace(content[content.index(b"<Ntry>") : content.index(b"</Ntry>") + 7], b"", 1)
    with pytest.raises(Invalid, match="nothing of it was booked"):
        read(shorter)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_was_cut_anywhere_is_refused(name: str) -> None:
    content = WRITERS[name](SAMPLE, 100_000)
    whole = len(content.rstrip())
    for end in range(0, whole - (54 if name == "csb43" else 0), 7):
        with pytest.raises(Invalid):
            read(content[:end])


def money(found: StatementFile) -> list[int]:
    return [each.cents for each in found.movements]


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_never_crashes_and_never_books_other_money(name: str) -> None:
    content, chance = WRITERS[name](SAMPLE, 100_000), random.Random(name)
    good, taken = money(read(content)), 0
    for number in range(MUTATIONS):
        damaged = bytearray(content)
        kind = number % 4
        if kind == 0:
            del damaged[chance.randrange(len(damaged)) :]
        elif kind == 1:
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        elif kind == 2:
            at = chance.randrange(len(damaged))
            del damaged[at : at + chance.randint(1, 90)]
        else:
            at = chance.randrange(len(damaged))
            damaged[at:at] = chance.choice([b"\0", b"<", b"&x;", b"\xff", b"9", b" ", b"\n", b"1" * 200])
        try:
            found = read(bytes(damaged))
        except Invalid as refusal:
            assert refusal.message.endswith(".") and len(refusal.message) < 400
            continue
        taken += 1
        # One damage that balances cannot see would have to change two amounts at once, or the status of all entries.
        assert sum(money(found)) == sum(good) or found.statements[0].closing_cents != 112_843 or found.findings
        assert all(finding.sentence.endswith(".") for finding in found.findings)
    assert taken > MUTATIONS // 40


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "begins with '%PDF-1.7'"),
        (b"Fecha;Importe\n", "camt.053"),
        (b"<html></html>", "camt.053.001.02 to .08"),
        (b"11" + b"0" * 18, "dates"),
    ],
)
def test_what_is_no_statement(content: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read(content)
