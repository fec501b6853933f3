"""Rows that could not be taken: kept with what reading them again needs, retried, discarded, and never twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from services.chassis.db import RequestKey
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.periods import DatePeriod
from services.metering.application import import_readings
from services.metering.application.import_readings import Progress, list_imports
from services.metering.application.quarantine import Quarantine, Settled
from services.metering.domain.hours import day_number, local_days
from services.metering.repository.quarantine import QuarantinedRow
from services.metering.tables import register_reading
from tests.integration.metering.test_metering_concurrency import together
from tests.integration.metering.test_metering_formats import CUPS, FOREIGN, stored, tell
from tests.support.metering import MADRID, NOW, Metering
from tests.support.prime_files import hourly, meter, report, row
from tests.support.quarters import asked
from tests.unit.metering.formats.curve_writers import OTHER, SUPPLY, WRITERS, Hour, f5d, ide, p5d
from tests.unit.metering.formats.register_writers import s04, s05
from tests.unit.metering.formats.test_curve_dialects import as_said_by, some_hours
from tests.unit.metering.formats.test_register_dialects import daily, monthly

H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 1)))
AHEAD_DAY = date(2026, 11, 25)
AHEAD = local_days(MADRID).start_of(day_number(AHEAD_DAY))
"""Hours that lie in the future when the files come (21 November), and no longer a week later."""
WEEK = timedelta(days=7)


@pytest.fixture
def quarantine(metering: Metering) -> Quarantine:
    return Quarantine(metering.database, metering.clock, MADRID)


def key(request_id: str, content: str = "") -> RequestKey:
    return RequestKey("SettleQuarantine|staff:1", request_id, content)


def rows(quarantine: Quarantine, import_id: str = "", state: str = "") -> list[QuarantinedRow]:
    return quarantine.page(import_id, state, 200, None)


def retry(quarantine: Quarantine, import_id: str, numbers: Sequence[int] = (), request_id: str = "r") -> Settled:
    return quarantine.retry(key(request_id, str(numbers)), import_id, numbers, "staff:7")


@pytest.mark.parametrize("name", WRITERS)
def test_a_refused_row_of_each_dialect_is_read_again_as_what_it_is(
    metering: Metering, quarantine: Quarantine, name: str
) -> None:
    tell(metering, "ana", CUPS, (SUPPLY, "2020-01-01", ""))
    write = WRITERS[name].write
    hours = [Hour(H0, 100, 0, 1), *(Hour(AHEAD + at, 200 + at, 0, 1 + at) for at in range(3))]
    data = write(hours, quarters=False) if name == "ide" else write(hours)
    summary = metering.load(data)
    import_id = summary.record.id
    assert (summary.record.accepted, summary.record.refused) == (1, 3)
    found = rows(quarantine, import_id)
    assert [(one.number, one.state, one.can_retry, one.row.dialect) for one in found] == [
        (number, "open", True, WRITERS[name].name) for number in range(3)
    ]
    assert all("future" in one.row.reason and one.row.meter[:20] == CUPS for one in found)

    early = retry(quarantine, import_id, request_id="early")
    assert (early.taken, [one.number for one in early.still_open]) == (0, [0, 1, 2])
    metering.clock.advance(WEEK)
    assert quarantine.discard(key("d"), import_id, [2], "staff:7").discarded == 1
    assert retry(quarantine, import_id).taken == 2
    assert stored(metering, "ana") == as_said_by(WRITERS[name], hours[:3])
    assert rows(quarantine, import_id) == []
    assert [(one.number, one.settled_by) for one in rows(quarantine, import_id, "taken")] == [
        (0, "staff:7"),
        (1, "staff:7"),
    ]
    (listed,) = list_imports(metering.database, 10, "")
    assert (listed.record.accepted, listed.record.refused) == (3, 1)
    assert [one.import_id for one in metering.events()] == [import_id] * 2


@pytest.mark.parametrize(
    ("write", "count"),
    [
        (lambda: s04([monthly()]), 1),
        (lambda: s05([daily(), daily(date(2026, 11, 20))]), 1),
        (lambda: b"meter;date;reading;unit\nM1;24/11/2026;12,5;kWh\nM1;01/11/2026;10;kWh\n", 1),
    ],
    ids=["S04", "S05", "table"],
)
def test_a_refused_close_is_read_again(
    metering: Metering, quarantine: Quarantine, write: Callable[[], bytes], count: int
) -> None:
    tell(metering, "ana", CUPS, ("M1", "2020-01-01", ""))
    data = write().replace(b"20261101000000000W", b"20261125000000000W")
    record = metering.load(data).record
    assert record.refused == count
    assert retry(quarantine, record.id, request_id="early").taken == 0
    metering.clock.advance(WEEK)
    settled = retry(quarantine, record.id)
    assert (settled.taken, settled.still_open) == (count, [])
    with metering.database.read() as connection:
        days = connection.execute(select(register_reading.c.day, register_reading.c.import_id)).all()
    assert (date(2026, 11, 25), record.id) in [tuple(one) for one in days]


def test_a_reading_of_nobodys_account_is_taken_when_the_account_has_a_meter(
    metering: Metering, quarantine: Quarantine
) -> None:
    data = f"CUPS;fecha;lectura;unidad\n{CUPS};31/10/2026;12575;kWh\n{FOREIGN};31/10/2026;7;kWh\n".encode()
    record = metering.load(data).record
    assert (record.register_readings, record.refused) == (0, 2)
    tell(metering, "ana", CUPS, ("M1", "2020-01-01", ""))
    settled = retry(quarantine, record.id)
    assert (settled.taken, [one.row.meter for one in settled.still_open]) == (1, [FOREIGN])
    (listed,) = list_imports(metering.database, 10, "")
    assert (listed.record.register_readings, listed.record.refused) == (1, 1)


def test_hours_of_a_cups_wait_for_their_supply_and_can_be_given_up(metering: Metering, quarantine: Quarantine) -> None:
    data = f5d(some_hours(H0, 48)) + f5d(some_hours(H0, 24), supply=OTHER)
    record = metering.load(data).record
    found = {one.row.meter: one for one in rows(quarantine, record.id)}
    assert {cups: (one.row.value, one.can_retry) for cups, one in found.items()} == {
        CUPS: ("48 hours", True),
        FOREIGN: ("24 hours", True),
    }
    assert [one.row.meter for one in retry(quarantine, record.id, request_id="early").still_open] == [FOREIGN, CUPS]
    assert sorted(metering.load(data).record.unknown_supplies) == sorted([FOREIGN, CUPS])
    quarantine.discard(key("d"), record.id, [found[FOREIGN].number], "staff:7")
    tell(metering, "eva", FOREIGN)
    assert stored(metering, "eva") == []
    tell(metering, "ana", CUPS)
    assert stored(metering, "ana") == some_hours(H0, 48)
    assert metering.load(data).record.unknown_supplies == []
    assert [(one.row.meter, one.settled_by) for one in rows(quarantine, record.id, "taken")] == [(CUPS, "supplies")]


def test_a_row_that_other_rows_explain_stays_and_says_so(metering: Metering, quarantine: Quarantine) -> None:
    tell(metering, "ana", CUPS)
    lines = ide(some_hours(H0, 3)).splitlines(keepends=True)
    record = metering.load(b"".join(lines[:6] + lines[7:])).record
    assert (record.accepted, record.refused) == (2, 3)
    assert all(one.can_retry and one.is_quarter for one in rows(quarantine, record.id))
    settled = retry(quarantine, record.id)
    assert (settled.taken, len(settled.still_open)) == (0, 3)
    assert {"Other quarters" in one.row.reason for one in settled.still_open} == {True}
    assert quarantine.discard(key("d"), record.id, [], "staff:7").discarded == 3
    assert rows(quarantine, record.id) == []


def test_a_quarter_is_taken_with_the_others_of_its_hour(metering: Metering, quarantine: Quarantine) -> None:
    tell(metering, "ana", CUPS)
    hours = [Hour(H0, 103), Hour(AHEAD, 205), Hour(AHEAD + 1, 307)]
    record = metering.load(ide(hours)).record
    assert (record.accepted, record.refused) == (1, 8)
    metering.clock.advance(WEEK)
    quarantine.discard(key("d"), record.id, [7], "staff:7")
    settled = retry(quarantine, record.id, [1])
    assert (settled.taken, settled.still_open) == (4, [])
    assert stored(metering, "ana") == hours[:2]
    day = DatePeriod(AHEAD_DAY, AHEAD_DAY + timedelta(days=1))
    quarters = asked(metering, day, ("P3", 204), tariff="2.0TD").quarters
    assert quarters is not None and [(one.quarter, one.watts) for one in quarters.above] == [(4 * AHEAD + 3, 208)]
    assert [one.number for one in rows(quarantine, record.id)] == [4, 5, 6]
    assert retry(quarantine, record.id, request_id="all").taken == 0
    (listed,) = list_imports(metering.database, 10, "")
    assert (listed.record.accepted, listed.record.refused) == (2, 4)


def test_the_same_request_twice_settles_once_and_answers_the_same(metering: Metering, quarantine: Quarantine) -> None:
    tell(metering, "ana", CUPS)
    record = metering.load(p5d([Hour(AHEAD, 1), Hour(AHEAD + 1, 2)]) + b"rubbish\n").record
    metering.clock.advance(WEEK)
    first = retry(quarantine, record.id)
    assert (first.taken, [one.number for one in first.still_open]) == (2, [2])
    assert retry(quarantine, record.id) == first
    assert len(stored(metering, "ana")) == 2 and len(metering.events()) == 1
    (listed,) = list_imports(metering.database, 10, "")
    assert (listed.record.accepted, listed.record.refused) == (2, 1)


def test_what_cannot_be_settled_is_said(metering: Metering, quarantine: Quarantine) -> None:
    record = metering.load(p5d(some_hours(H0, 1)) + b"rubbish\n").record
    with pytest.raises(NotFound, match="no import 'none'"):
        retry(quarantine, "none")
    with pytest.raises(NotFound, match="no quarantined row 9"):
        retry(quarantine, record.id, [0, 9])
    quarantine.discard(key("d"), record.id, [0], "staff:7")
    with pytest.raises(Refused, match=r"Row 0 of readings.xml is discarded already"):
        retry(quarantine, record.id, [0])
    with pytest.raises(Invalid, match="must be one of open, taken, discarded"):
        quarantine.page("", "lost", 10, None)
    with pytest.raises(NotFound, match="no import 'none'"):
        quarantine.page("none", "", 10, None)


def test_pages_go_through_the_imports_the_newest_first(metering: Metering, quarantine: Quarantine) -> None:
    imports = [
        metering.load(f"meter;date;reading;unit\n{'x' * n};1;1;m3\n;2;2;m3\n".encode()).record.id for n in (1, 2)
    ]
    seen: list[tuple[str, int]] = []
    after = None
    while page := quarantine.page("", "", 3, after):
        seen += [(one.import_id, one.number) for one in page]
        after = seen[-1]
    assert seen == [(imports[1], 0), (imports[1], 1), (imports[0], 0), (imports[0], 1)]


def test_rows_are_kept_one_by_one_up_to_a_limit_and_all_counted(
    metering: Metering, quarantine: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_readings, "MAX_QUARANTINED", 30)
    record = metering.load(report(*(meter(f"M{n}", [row(H0, "x")]) for n in range(50)))).record
    assert record.refused == 50 and len(rows(quarantine, record.id)) == 30
    more = metering.load(p5d(some_hours(H0, 60)) + b"rubbish\n" * 40).record
    assert more.refused == 40
    assert [one.row.meter for one in rows(quarantine, more.id)][29:] == ["", CUPS]  # the CUPS of nobody besides


def test_an_interrupted_import_is_completed_by_the_same_file(metering: Metering, quarantine: Quarantine) -> None:
    tell(metering, "ana", CUPS, ("M1", "2020-01-01", ""), ("M2", "2020-01-01", ""))
    data = report(meter("M0", [row(H0, "x")]), hourly("M1", H0, [1] * 700), hourly("M2", H0 + 700, [2] * 500))
    metering.importer._batch_rows = 40
    running = metering.importer.run("S02.xml", [data], "staff:1")
    assert isinstance(next(running), Progress)
    assert isinstance(next(running), Progress)
    running.close()  # the process is gone in the middle of the file
    (half,) = list_imports(metering.database, 10, "")
    assert half.record.finished_at is None and 0 < half.record.accepted < 1_200 and half.record.refused == 1
    with pytest.raises(Refused, match="is not finished"):
        retry(quarantine, half.record.id)

    whole = metering.load(data, "S02.xml").record
    assert (whole.accepted, whole.duplicates) == (1_200 - half.record.accepted, half.record.accepted)
    assert (whole.refused, whole.seen_before, len(stored(metering, "ana"))) == (1, False, 1_200)
    assert {one.import_id for one in rows(quarantine)} == {whole.id}
    assert metering.load(data).record.seen_before


def test_supplies_come_to_have_their_cups_while_its_hours_arrive(metering: Metering, quarantine: Quarantine) -> None:
    codes = [f"ES0575{number:012}AA" for number in range(20)]

    def load(first_day: int) -> Callable[[], object]:
        order = codes if first_day % 2 else codes[::-1]
        hours = some_hours(H0, 24 * 6)[first_day * 24 : first_day * 24 + 72]
        data = b"".join(p5d(hours, supply=code) for code in order)
        return lambda: list(metering.importer.run(f"from day {first_day}", [data], "staff:1"))

    def tell_all() -> None:
        for number, code in enumerate(codes):
            tell(metering, f"s{number}", code)

    metering.importer._batch_rows = 100
    together(load(0), load(1), load(3), tell_all)
    for number in range(len(codes)):
        assert [hour.start for hour in stored(metering, f"s{number}")] == list(range(H0, H0 + 144))
    assert rows(quarantine) == []


def test_any_bytes_at_all_can_be_kept(metering: Metering, quarantine: Quarantine) -> None:
    """PostgreSQL has no room for the character NUL, wherever in a row it stands."""
    tell(metering, "ana", CUPS)
    bad = [b"\0", b"one;\0;row", f5d(some_hours(H0, 1)).replace(b";1;", b";\0;", 1), b"\xff\xfe\xed\xa0\x80;x"]
    record = metering.load(f5d(some_hours(H0, 40)) + b"\n".join(bad)).record
    assert (record.accepted, record.refused) == (40, len(bad))
    assert retry(quarantine, record.id).taken == 0
    table = b"meter;date;reading;unit\nM\x001;31/10/2026;5;kWh\nM\x1b1;31/10/2026;5;kWh\nM1;31/10/2026;\0;kWh\n"
    assert metering.load(table).record.refused == 3


def test_a_trace_before_this_version_can_be_listed_and_discarded(metering: Metering, quarantine: Quarantine) -> None:
    """Rows refused by an older version have no raw text: they cannot be read again, and say why they were refused."""
    record = metering.load(report('<S02 Fh="x"/>')).record
    (one,) = rows(quarantine, record.id)
    assert (one.can_retry, one.row.raw, one.file_name) == (False, "", "readings.xml")
    assert one.imported_at >= NOW
    assert quarantine.discard(key("d"), record.id, [], "staff:7").discarded == 1
