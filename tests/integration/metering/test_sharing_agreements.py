"""Shared self-consumption in the service: the hours of participants follow the installation's, the meters' and the agreement's."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from sqlalchemy import select

from services.chassis import context
from services.chassis.context import Principal
from services.chassis.db import TABLES, RequestKey
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.periods import DatePeriod
from services.metering.api.sharing import SharingApi
from services.metering.application.explain import SharedHour, explain_day
from services.metering.application.sharing import AgreementFound, SharingAgreements
from services.metering.application.views import Views
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.publication import BILLED, Publication
from services.staff import cli, sharing
from tests.support.metering import MADRID, Metering, invoice_message, supply_message
from tests.support.quarters import asked, quarter_file
from tests.unit.metering.formats import curve_writers
from tests.unit.metering.formats.curve_writers import Hour

ANA, LUIS, PLANT = "ES0575000000000877HA1P", "ES0575000000000123PP1P", "ES0575000000000878HG0F"
CAU = f"{PLANT}A001"
FILE = f"{CAU}_2026.txt"
SUNDAY, MONDAY = date(2026, 10, 4), date(2026, 10, 5)
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_numbers = iter(range(1000))


class Desk:
    def __init__(self, metering: Metering) -> None:
        self.metering = metering
        self.agreements = SharingAgreements(metering.database, MADRID)

    def take(self, content: str, start: str = "2026-01-01", name: str = FILE, at: str = "plant") -> AgreementFound:
        number = next(_numbers)
        key = RequestKey("test", f"request-{number}", f"fingerprint-{number}")
        return self.agreements.take(key, "staff:1", name, content.encode(), at, start)

    def load(self, cups: str, *values: Hour) -> None:
        self.metering.load(curve_writers.f5d(list(values), cups), f"{next(_numbers)}.txt")

    def sums(self, name: str = "ana", day: date = SUNDAY) -> tuple[int, int, int]:
        """Wh from the grid, Wh fed in, hours missing."""
        found = self.metering.energy(name, day, date.fromordinal(day.toordinal() + 1))
        return (
            sum(each.import_wh for each in found.energy),
            sum(each.export_wh for each in found.energy),
            found.hours_missing,
        )

    def corrected(self) -> list[tuple[str, int]]:
        table = TABLES.outbox_event
        with self.metering.database.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.id)).all()
        kind = ReadingCorrected.DESCRIPTOR.full_name
        told = [ReadingCorrected.FromString(row.value) for row in rows if row.headers["ce_type"] == kind]
        return [(each.supply_id, each.known_wh) for each in told]


def hours(day: date, taken: int, given: dict[int, int] | None = None) -> list[Hour]:
    first = local_days(MADRID).start_of(day_number(day))
    return [Hour(first + hour, taken, (given or {}).get(hour, 0)) for hour in range(24)]


NOON = dict.fromkeys(range(10, 14), 6_000)


@pytest.fixture
def desk(metering: Metering) -> Desk:
    """Ana and Luis take 1,000 Wh each hour of a Sunday; from 10:00 to 14:00 the plant gives 6,000."""
    for name, cups in (("ana", ANA), ("luis", LUIS), ("plant", PLANT)):
        told = supply_message(name)
        told.supply.cups = cups
        metering.tell(told)
    made = Desk(metering)
    for cups in (ANA, LUIS):
        made.load(cups, *hours(SUNDAY, 1_000))
    return made


def test_hours_are_shared_by_whatever_is_known_and_corrected_with_it(desk: Desk) -> None:
    assert desk.sums() == (24_000, 0, 0)
    found = desk.take(f"{ANA};0,25\n{LUIS};0,75\n")
    assert (found.agreement.cau, found.participants, found.unknown) == (CAU, (ANA, LUIS), ())
    assert desk.sums() == (0, 0, 24), "what the plant gave is not known, so what was taken from the grid is not either"
    desk.load(PLANT, *hours(SUNDAY, 0, NOON))
    # A quarter of 6,000 is 1,500: 1,000 used and 500 fed in, four times.
    assert (desk.sums(), desk.sums("luis")) == ((20_000, 2_000, 0), (20_000, 14_000, 0))
    assert desk.sums("plant") == (0, 24_000, 0)
    version = desk.metering.energy("ana", SUNDAY, MONDAY).curve_version
    for _ in range(2):
        assert desk.take(f"{ANA};0,25\n{LUIS};0,75\n").agreement == found.agreement
        desk.load(PLANT, *hours(SUNDAY, 0, NOON))
    assert desk.metering.energy("ana", SUNDAY, MONDAY).curve_version == version, "the same again is nothing new"
    desk.metering.tell(invoice_message("ana", "2026-10-04", "2026-10-05"))
    before = len(desk.corrected())
    desk.load(PLANT, *hours(SUNDAY, 0, dict.fromkeys(range(10, 14), 2_000)))
    assert desk.sums() == (22_000, 0, 0)
    assert desk.corrected()[before:] == [("ana", 22_000)], "billing hears of it"
    desk.take(f"{ANA};0,5\n{LUIS};0,5\n")
    assert desk.sums() == (20_000, 0, 0) and desk.corrected()[-1] == ("ana", 20_000)
    desk.load(ANA, *hours(SUNDAY, 900))
    assert desk.sums() == (18_000, 400, 0) and desk.corrected()[-1] == ("ana", 18_000)
    views = Views(desk.metering.database, desk.metering.clock, MADRID, Publication(BILLED))
    staff = Principal("staff", "1")
    then = views.curve(staff, "ana", DatePeriod(SUNDAY, MONDAY), version=version)
    assert sum(hour.import_wh for day in then.days for hour in day.hours) == 20_000, "as it was then"
    assert sum(hour.export_wh for day in then.days for hour in day.hours) == 2_000
    noon = explain_day(desk.metering.database, MADRID, staff, "ana", SUNDAY).hours[12]
    assert noon.versions[-1].import_wh == 900 and noon.shared == SharedHour(CAU, 0, 100, False)


@ON_SQLITE
def test_agreements_follow_one_another_and_end(desk: Desk) -> None:
    desk.load(PLANT, *hours(SUNDAY, 0, NOON), *hours(MONDAY, 0, NOON))
    for cups in (ANA, LUIS):
        desk.load(cups, *hours(MONDAY, 1_000))
    desk.take(f"{ANA};0,25\n{LUIS};0,75\n")
    desk.take(f"{ANA};1\n", start="2026-10-05")
    assert (desk.sums(), desk.sums(day=MONDAY)) == ((20_000, 2_000, 0), (20_000, 20_000, 0))
    assert (desk.sums("luis"), desk.sums("luis", MONDAY)) == ((20_000, 14_000, 0), (24_000, 0, 0))
    key = RequestKey("test", "end", "end")
    ended = desk.agreements.end(key, "staff:1", CAU, "2026-10-05")
    assert desk.agreements.end(key, "staff:1", CAU, "2026-10-05") == ended and ended.agreement.content == ""
    assert desk.sums(day=MONDAY) == (24_000, 0, 0) and desk.sums() == (20_000, 2_000, 0)
    assert [(each.agreement.start.isoformat(), each.end, each.in_force) for each in desk.agreements.list()] == [
        ("2026-01-01", MONDAY, True),
        ("2026-10-05", None, False),
        ("2026-10-05", None, True),
    ]
    with pytest.raises(NotFound, match="has no agreement on 2026-12-01"):
        desk.agreements.end(RequestKey("test", "2", "2"), "staff:1", CAU, "2026-12-01")


@ON_SQLITE
def test_an_hour_without_a_share_needs_no_generation_and_a_participant_may_be_nobody_yet(desk: Desk) -> None:
    stranger = "ES0575000000000002AW0F"
    lines = [f"{ANA};{hour};{'0' if hour % 2 else '1'}" for hour in range(1, 8761)]
    lines += [f"{stranger};{hour};{'1' if hour % 2 else '0'}" for hour in range(1, 8761)]
    found = desk.take("\n".join(lines))
    assert found.unknown == (stranger,)
    assert desk.sums() == (12_000, 0, 12), "every other hour is the stranger's"
    desk.load(PLANT, *hours(SUNDAY, 300, NOON))
    assert desk.sums() == (22_000, 9_400, 0), "net of what the plant took"


@ON_SQLITE
def test_what_cannot_be_is_refused_by_a_sentence(desk: Desk) -> None:
    desk.take(f"{ANA};1\n")
    for content, how, error, said in (
        (f"{ANA};0,5\n{LUIS};0,4\n", {}, Invalid, "sum to 0,900000"),
        (f"{ANA};1\n", {"name": "x.txt"}, Invalid, "is not the name of a file of coefficients"),
        (f"{ANA};1\n", {"start": "2025-12-31"}, Invalid, "of 2026 and cannot hold from 2025-12-31"),
        (f"{ANA};1\n", {"at": "nobody"}, NotFound, "There is no supply 'nobody'"),
        (f"{PLANT};1\n", {}, Refused, "The installation itself is among its participants"),
        (
            f"{ANA};1\n",
            {"name": FILE.replace("A001", "A002")},
            Refused,
            f"shares the installation {CAU} from 2026-01-01",
        ),
    ):
        with pytest.raises(error, match=said):
            desk.take(content, **how)
    assert [each.agreement.cau for each in desk.agreements.list()] == [CAU]


@ON_SQLITE
def test_the_office_imports_lists_and_ends(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = SharingApi()
    api._sharing = desk.agreements

    class Stub:
        def __getattr__(self, method: str) -> Any:
            def call(request: Any, timeout: float = 0) -> Any:
                context.enter(Principal("staff", "ann"), "request", context.new_traceparent())
                return getattr(api, method)(request, None)

            return call

    @contextmanager
    def signed_in() -> Any:
        yield SimpleNamespace(metering=Stub(), calling=lambda service: nullcontext())

    app = typer.Typer()
    app.add_typer(sharing.app, name="sharing")
    app.command("other")(lambda: None)
    monkeypatch.setattr(cli, "application", lambda *words: app)
    monkeypatch.setattr(sharing, "signed_in", signed_in)
    monkeypatch.setattr(sharing, "find", lambda office, name: SimpleNamespace(id=name))
    monkeypatch.setattr(sharing, "put_names", lambda office, found, *fields: None)

    def coopctl(*words: str, code: int = 0) -> str:
        assert cli.run(["sharing", *words]) == code
        said = capsys.readouterr()
        return said.out + said.err

    file = tmp_path / FILE
    file.write_text(f"{ANA};0,5\nES0575000000000002AW0F;0,5\n")
    said = coopctl("import", str(file), "--generation", "plant", "--from", "2026-10-01")
    assert f"{CAU} is shared by 2 participants from 2026-10-01 on." in said
    assert "ES0575000000000002AW0F is no supply of the cooperative" in " ".join(said.split())
    assert "Nothing of" in coopctl("end", CAU.lower(), "--on", "2026-11-01")
    (first, last) = json.loads(coopctl("list", "--json"))["agreements"]
    assert (first["start"], first["end"], first["actor"], last["sha256"]) == (
        "2026-10-01",
        "2026-11-01",
        "staff:ann",
        "",
    )
    assert CAU in coopctl("list", "--all")
    assert "has no agreement on 2026-12-01" in coopctl("end", CAU, "--on", "2026-12-01", code=1)


def test_quarters_of_a_participant_are_those_that_its_own_meter_counted(desk: Desk) -> None:
    desk.take(f"{ANA};0,25\n{LUIS};0,75\n")
    desk.load(PLANT, *hours(SUNDAY, 0, NOON))
    hour = local_days(MADRID).start_of(day_number(SUNDAY)) + 10
    desk.metering.load(quarter_file({hour: (1_000, 0, 0, 0)}, supply=ANA))
    assert desk.sums() == (20_000, 2_000, 0), "the hour is what it was: all of it was the plant's"
    answer = asked(desk.metering, DatePeriod(SUNDAY, MONDAY), ("P3", 3_999), tariff="2.0TD")
    assert answer.quarters is not None
    assert [(one.quarter, one.watts) for one in answer.quarters.above] == [(4 * hour, 4_000)]
    assert answer.quarters.unknown == {"P3": 23}
