"""Remittances for the bank, the days of a direct debit and the reasons of its return."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain.payments.direct_debits import (
    TARGET,
    change_is_in_time,
    collection_day,
    last_day_to_change_account,
    latest_submission,
    mandate_lapses_on,
    refund_until,
)
from services.billing.domain.payments.returns import return_reason
from services.billing.domain.payments.sepa import (
    SCHEMA,
    Collection,
    Creditor,
    SequenceType,
    check_schema,
    remittance,
    sepa_text,
)
from services.chassis.errors import Invalid

COOPERATIVE = Creditor("Cooperativa Eléctrica Ñuñoa, S. Coop.", "ES91 2100 0418 4502 0005 1332", "ES90ZZZF12345674")
ONE = Collection(
    end_to_end="2026A000123",
    cents=5544,
    mandate="ES0575000000000877HA-1",
    signed_on=date(2025, 1, 1),
    holder="Ana Pérez",
    iban="ES7921000813610123456789",
    collect_on=date(2026, 12, 1),
    text="Factura 2026A000123",
)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SPACE = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"


def written(*collections: Collection) -> bytes:
    return remittance(COOPERATIVE, collections, "R-2026-11-20-1", NOW)


def texts(content: bytes, name: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(content).iter(f"{SPACE}{name}")]


def test_one_collection() -> None:
    content = written(ONE)
    xmlschema.XMLSchema(str(files("sepaxml") / "schemas" / f"{SCHEMA}.xsd")).validate(content.decode())
    for name, value in (
        ("MsgId", "R-2026-11-20-1"),
        ("CreDtTm", "2026-11-20T09:30:00Z"),
        ("PmtInfId", "R-2026-11-20-1-1"),
        ("InstdAmt", "55.44"),
        ("MndtId", "ES0575000000000877HA-1"),
        ("DtOfSgntr", "2025-01-01"),
        ("EndToEndId", "2026A000123"),
        ("SeqTp", "RCUR"),
        ("ReqdColltnDt", "2026-12-01"),
        ("Ustrd", "Factura 2026A000123"),
    ):
        assert texts(content, name) == [value]
    assert texts(content, "Nm") == ["Cooperativa Electrica Nunoa, S. Coop."] * 2 + ["Ana Perez"]
    assert texts(content, "CtrlSum") == ["55.44", "55.44"] and texts(content, "NbOfTxs") == ["1", "1"]
    assert b"PstlAdr" not in content and content == written(ONE)


def test_a_new_account_of_a_mandate_is_told_to_the_bank() -> None:
    content = written(ONE, replace(ONE, end_to_end="2026A000124", mandate="M-2", amended=True))
    assert texts(content, "AmdmntInd") == ["true"] and content == written(
        replace(ONE, end_to_end="2026A000124", mandate="M-2", amended=True), ONE
    )
    former = [
        part.text
        for part in ET.fromstring(content).iterfind(f".//{SPACE}OrgnlDbtrAcct/{SPACE}Id/{SPACE}Othr/{SPACE}Id")
    ]
    assert former == ["SMNDA"]
    check_schema(content)


def test_one_block_per_date_and_sequence_type() -> None:
    content = written(
        replace(ONE, end_to_end="4", collect_on=date(2026, 12, 2), cents=1),
        replace(ONE, end_to_end="1", cents=10),
        replace(ONE, end_to_end="3", sequence="OOFF", cents=7),
        replace(ONE, end_to_end="2", cents=99),
    )
    assert texts(content, "SeqTp") == ["OOFF", "RCUR", "RCUR"]
    assert texts(content, "ReqdColltnDt") == ["2026-12-01", "2026-12-01", "2026-12-02"]
    assert texts(content, "CtrlSum") == ["1.17", "0.07", "1.09", "0.01"]
    assert texts(content, "NbOfTxs") == ["4", "1", "2", "1"]
    assert texts(content, "EndToEndId") == ["3", "1", "2", "4"]


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            Collection,
            end_to_end=st.from_regex(r"[A-Za-z0-9.+-]{1,35}", fullmatch=True),
            cents=st.integers(1, 99_999_999_999),
            mandate=st.from_regex(r"[A-Z0-9-]{1,35}", fullmatch=True),
            signed_on=st.dates(date(2009, 11, 1), date(2026, 1, 1)),
            holder=st.text(min_size=1, max_size=90).map(lambda text: f"A {text}"),
            iban=st.just(ONE.iban),
            collect_on=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
            text=st.text(max_size=200).map(lambda text: f"F {text}"),
            sequence=st.sampled_from(["FRST", "RCUR", "FNAL", "OOFF"]),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda each: each.end_to_end,
    )
)
def test_whatever_it_takes_follows_the_schema_and_adds_up(collections: list[Collection]) -> None:
    content = written(*collections)
    check_schema(content)
    total = sum(each.cents for each in collections)
    assert texts(content, "CtrlSum")[0] == f"{total // 100}.{total % 100:02d}"
    assert sorted(texts(content, "EndToEndId")) == sorted(each.end_to_end for each in collections)
    assert len(texts(content, "PmtInf")) == len({(each.collect_on, each.sequence) for each in collections})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (replace(ONE, cents=0), "0 cents"),
        (replace(ONE, cents=10**11), "999999999.99"),
        (replace(ONE, end_to_end="2026 A"), "2026 A"),
        (replace(ONE, end_to_end="x" * 36), "1 to 35"),
        (replace(ONE, mandate=""), "mandate"),
        (replace(ONE, mandate="a//b"), "a//b"),
        (replace(ONE, signed_on=date(2026, 12, 2)), "signed on 2026-12-02"),
        (replace(ONE, iban="ES7921000813610123456788"), "check digits"),
        (replace(ONE, iban="BR1800360305000010009795493C1"), "do not reach"),
        (replace(ONE, holder="☃"), "Latin letters"),
        (replace(ONE, text=""), "Latin letters"),
    ],
)
def test_what_a_bank_would_refuse_is_said_before(wrong: Collection, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        written(wrong)


def test_a_wrong_sequence_type_a_repeated_document_and_an_empty_remittance() -> None:
    other: SequenceType = "RCURR"  # type: ignore[assignment]
    with pytest.raises(Invalid, match="RCURR"):
        written(replace(ONE, sequence=other))
    with pytest.raises(Invalid, match="twice"):
        written(ONE, ONE)
    with pytest.raises(Invalid, match="no collection"):
        written()
    with pytest.raises(Invalid, match="message id"):
        remittance(COOPERATIVE, [ONE], "R" * 31, NOW)


@pytest.mark.parametrize(
    "damage",
    [(b"<Cd>SEPA</Cd>", b"<Cd>TOOLONG</Cd>"), (b"55.44", b"55,44"), (b"</Document>", b""), (b"<MsgId>", b"<Msg>")],
)
def test_the_schema_is_really_asked(damage: tuple[bytes, bytes]) -> None:
    with pytest.raises(Invalid):
        check_schema(written(ONE).replace(*damage))


def test_letters_that_banks_take() -> None:
    assert sepa_text("Íñigo  Müller & Søn—«Straße» Łódź", 70) == "Inigo Muller Son-- Strasse Lodz"
    assert sepa_text("a" * 200, 140) == "a" * 140


def test_the_days_of_target() -> None:
    closed = [date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25), date(2027, 1, 1)]
    assert not any(TARGET.is_working_day(day) for day in closed)
    assert TARGET.is_working_day(date(2026, 10, 12)) and TARGET.is_working_day(date(2026, 1, 6))


def test_when_a_direct_debit_is_collected() -> None:
    # Issued on Monday 2 November, due on Monday 23.
    assert collection_day(date(2026, 11, 2), date(2026, 11, 23), date(2026, 11, 3)) == date(2026, 11, 23)
    # Due at once: fourteen days' notice, and the 15th is a Sunday.
    assert collection_day(date(2026, 11, 1), date(2026, 11, 1), date(2026, 11, 2)) == date(2026, 11, 16)
    # Sent late: the banking day after the one on which the bank gets it.
    assert collection_day(date(2026, 11, 1), date(2026, 11, 20), date(2026, 11, 20)) == date(2026, 11, 23)
    assert collection_day(date(2026, 11, 1), date(2026, 11, 20), date(2026, 11, 21)) == date(2026, 11, 24)
    assert latest_submission(date(2026, 11, 23)) == date(2026, 11, 20)
    assert latest_submission(date(2026, 4, 7)) == date(2026, 4, 2)  # Easter


@given(st.dates(date(2024, 1, 1), date(2035, 1, 1)), st.integers(0, 60), st.integers(0, 60))
def test_a_collection_is_always_in_time(issued: date, due: int, sent: int) -> None:
    due_on, submitted = issued + timedelta(days=due), issued + timedelta(days=sent)
    day = collection_day(issued, due_on, submitted)
    assert TARGET.is_working_day(day) and day >= due_on and (day - issued).days >= 14
    assert submitted <= latest_submission(day)


def test_a_new_account_counts_when_told_three_weeks_before() -> None:
    assert last_day_to_change_account(date(2026, 12, 3)) == date(2026, 11, 12)
    assert change_is_in_time(date(2026, 11, 12), date(2026, 12, 3))
    assert not change_is_in_time(date(2026, 11, 13), date(2026, 12, 3))


def test_a_mandate_lapses_and_money_can_be_claimed_back() -> None:
    assert mandate_lapses_on(date(2024, 2, 29), None) == date(2027, 2, 28)
    assert mandate_lapses_on(date(2020, 1, 1), date(2025, 11, 30)) == date(2028, 11, 30)
    assert refund_until(date(2026, 11, 23)) == date(2027, 1, 18)
    assert refund_until(date(2026, 11, 23), authorised=False) == date(2027, 12, 23)


def test_the_reasons_of_a_return() -> None:
    assert return_reason("AM04").retry and not return_reason("MD06").retry
    assert return_reason(" md01 ").mandate_ends and return_reason("AC01").account_wrong
    assert return_reason("XY99").words == "the bank gives the code 'XY99'" and not return_reason("XY99").retry
