"""Members read their own meters: what is asked, what is taken, receipts, photos, and what a real reading does to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from coop.metering.events.v1.events_pb2 import SelfReadingTaken
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc
from coop.supplies.events.v1.events_pb2 import AccessGranted
from coop.supplies.v1 import supplies_pb2
from google.protobuf.message import Message

from services.chassis.blobs import BlobStore
from services.chassis.clock import FixedClock
from services.chassis.context import Principal
from services.chassis.db import RequestKey
from services.chassis.environment import SettingsError
from services.chassis.errors import Conflict, Forbidden, Invalid, NotFound, Throttled
from services.chassis.eventlog import Record
from services.chassis.eventlog.factory import open_event_log
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.chassis.profile import load_profile
from services.metering.app import build
from services.metering.application.receipts import Receipt
from services.metering.application.self_readings import (
    MANY_A_DAY,
    Given,
    ReadingClosed,
    ReadingObjected,
    SelfReadings,
)
from services.metering.consumers import TOPICS
from services.metering.domain.estimation.closes import Origin
from services.metering.domain.estimation.self_reading import Closed, Late, Objection
from services.metering.self_reading_rules import SelfReadingRules, rules_of
from services.metering.settings import Settings
from tests.support.metering import Metering, invoice_message, supply_message
from tests.support.photos import PLACE, meter_photo
from tests.support.registers import closed, reading, store, told, water
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal, service_under_test

ROOT = Path(__file__).resolve().parents[3]
ANA, EVA, STAFF = Principal("member", "account-ana"), Principal("member", "account-eva"), Principal("staff", "office")
PHOTO = meter_photo()
OF_28 = date(2026, 10, 28)


def move(clock: FixedClock, to: datetime) -> None:
    """Turn a clock to an instant."""
    clock.advance(to - clock.now())


@dataclass
class Desk:
    """Self-readings of one cooperative; Ana may read the supply "ana", and it is 28 October 2026, noon."""

    metering: Metering
    rules: SelfReadingRules
    photos: Path

    @property
    def readings(self) -> SelfReadings:
        zone = load_profile(ROOT / "profiles" / "demo-es").tz
        return SelfReadings(self.metering.database, zone, self.rules, BlobStore(self.photos))

    def give(
        self, shown: Mapping[str, int], day: date = OF_28, photo: bytes = PHOTO, request: str = "", supply: str = "ana"
    ) -> Receipt:
        self.metering.clock.advance(timedelta(seconds=1))
        key = RequestKey("SubmitSelfReading|member:account-ana", request or new_id(), f"{shown}{day}")
        return self.readings.submit(ANA, key, Given(supply, "", day, shown, photo))

    def objections(self, shown: Mapping[str, int], day: date = OF_28, photo: bytes = PHOTO) -> list[tuple[str, str]]:
        """(part, objection) of a reading that must not be taken."""
        with pytest.raises(ReadingObjected) as refused:
            self.give(shown, day, photo)
        return [(one.part, one.objection.value) for one in refused.value.found]

    def files(self) -> list[Path]:
        return [path for path in self.photos.rglob("*") if path.is_file()]


@pytest.fixture
def desk(metering: Metering, tmp_path: Path) -> Desk:
    move(metering.clock, datetime(2026, 10, 28, 11, 0, tzinfo=UTC))
    metering.tell(supply_message("ana", ("M1", "2020-01-01", ""), tariff="T1R"))
    metering.tell(supply_message("eva", ("M2", "2020-01-01", ""), tariff="T1R"))
    for account in ("ana", "eva"):
        metering.tell(
            AccessGranted(account_id=f"account-{account}", supply_id=account, member_id="m", relation="holder")
        )
    rules = rules_of(load_profile(ROOT / "profiles" / "demo-es"))
    return Desk(metering, rules, tmp_path / "photos")


def test_the_form_asks_for_what_the_meter_has(desk: Desk) -> None:
    store(desk.metering, reading("2026-10-01", 12_340, origin=Origin.REMOTE))
    desk.metering.tell(invoice_message("ana", "2026-09-01", "2026-10-01"))
    form = desk.readings.form(ANA, "ana", "")
    assert (form.service_id, form.meter, form.unit, form.digits) == ("ana-service", "M1", "kWh", 6)
    assert (form.registers, form.last_real) == (("total",), (12_340,))
    assert (form.last_day, form.last_billed) == (date(2026, 10, 1), date(2026, 9, 30))
    # Ten working days before November were over on the 19th: this cooperative puts the reading into the bill after.
    assert (form.closed, form.window.latest, form.window.cycle) == (None, date(2026, 11, 17), date(2026, 12, 1))


def test_the_worked_case_of_a_reading_that_a_real_one_puts_aside(desk: Desk) -> None:
    """12,340 read on 1 October, 12,575 given on 28 October, 12,560 read on 1 November: the real one counts."""
    store(desk.metering, reading("2026-10-01", 12_340, origin=Origin.REMOTE))
    receipt = desk.give({"total": 12_575})
    assert (receipt.state, receipt.row.read_on, receipt.row.shown) == ("counts", OF_28, [("total", 12_575)])
    # Read in the course of the 28th: it counts from the midnight that ends the day.
    assert closed(desk.metering) == [("M1", "2026-10-01", "2026-10-29", [235_000], "self_reading")]
    store(desk.metering, reading("2026-11-01", 12_560, origin=Origin.REMOTE))
    assert closed(desk.metering)[1:] == [("M1", "2026-10-01", "2026-11-01", [220_000], "technician")]
    (now,) = desk.readings.receipts.page(ANA, "ana", "", 10, None)
    assert (now.state, now.row.receipt) == ("superseded", receipt.row.receipt)


def test_the_receipt_is_announced_with_its_figures(desk: Desk) -> None:
    receipt = desk.give({"total": 12_575})
    (event,) = told(desk.metering, SelfReadingTaken)
    assert event == SelfReadingTaken(
        supply_id="ana", service_id="ana-service", account_id="account-ana", receipt=receipt.row.receipt, day="2026-10-28",
        unit="kWh", registers=["total"], shown=[12_575], account_number="5555/1", meter="M1", enters_cycle="2026-12-01",
    )  # fmt: skip
    assert len(receipt.row.receipt) == 11 and receipt.cycle == date(2026, 12, 1)


def test_every_objection_comes_at_once_and_nothing_is_kept(desk: Desk) -> None:
    store(desk.metering, reading("2026-10-01", 12_340, origin=Origin.REMOTE))
    desk.metering.tell(invoice_message("ana", "2026-09-01", "2026-10-01"))
    assert desk.objections({"total": 12_339}, date(2026, 9, 30), b"GIF89a") == [
        ("total", "BELOW_LAST_REAL"), ("day", "ALREADY_BILLED"), ("photo", "NOT_A_PHOTO")
    ]  # fmt: skip
    assert desk.objections({}, date(2026, 10, 29), b"") == [
        ("total", "PERIOD_MISSING"), ("day", "IN_FUTURE"), ("photo", "NO_PHOTO")
    ]  # fmt: skip
    assert desk.objections({"total": 1_234_567}, photo=PHOTO[:-20]) == [
        ("total", "TOO_MANY_DIGITS"), ("photo", "PHOTO_DAMAGED")
    ]  # fmt: skip
    desk.rules = replace(desk.rules, max_photo_mb=0)
    assert desk.objections({"total": 12_575}) == [("photo", "PHOTO_TOO_LARGE")]
    assert desk.files() == [] and told(desk.metering, SelfReadingTaken) == []
    with pytest.raises(Invalid, match="no register 'P9'"):
        desk.give({"P9": 1})


def test_the_window_of_ten_working_days(desk: Desk) -> None:
    desk.rules = replace(desk.rules, late=Late.REFUSE)
    form = desk.readings.form(ANA, "ana", "")
    assert (form.closed, form.figures) == (Closed.LATE, {"latest": date(2026, 10, 19), "cycle": date(2026, 11, 1)})
    with pytest.raises(ReadingClosed) as refused:
        desk.give({"total": 5})
    assert refused.value.closed is Closed.LATE
    move(desk.metering.clock, datetime(2026, 10, 19, 21, 58, tzinfo=UTC))  # 23:58 in Madrid
    assert desk.readings.form(ANA, "ana", "").closed is None
    assert desk.give({"total": 5}, date(2026, 10, 19)).cycle == date(2026, 11, 1)
    move(desk.metering.clock, datetime(2026, 10, 19, 22, 0, tzinfo=UTC))
    assert desk.readings.form(ANA, "ana", "").closed is Closed.LATE


def test_the_later_of_two_readings_of_a_day_replaces_the_first_and_a_mistake_can_be_taken_back(desk: Desk) -> None:
    store(desk.metering, reading("2026-10-01", 12_340, origin=Origin.REMOTE))
    first, second = desk.give({"total": 12_757}), desk.give({"total": 12_575})
    states = {one.row.receipt: one.state for one in desk.readings.receipts.page(ANA, "ana", "", 10, None)}
    assert states == {first.row.receipt: "replaced", second.row.receipt: "counts"}
    assert desk.give({"total": 12_575}).row.receipt == second.row.receipt  # said again: the receipt it has
    third = desk.give({"total": 12_757})
    states = {one.row.receipt: one.state for one in desk.readings.receipts.page(ANA, "ana", "", 10, None)}
    assert states == {first.row.receipt: "replaced", second.row.receipt: "replaced", third.row.receipt: "counts"}


def test_a_double_click_gives_one_reading_and_one_receipt(desk: Desk) -> None:
    start = threading.Barrier(4)

    def click(_: int) -> str:
        start.wait()
        return desk.give({"total": 12_575}, request="one-form").row.receipt

    with ThreadPoolExecutor(4) as pool:
        receipts = set(pool.map(click, range(4)))
    assert len(receipts) == 1 and len(told(desk.metering, SelfReadingTaken)) == 1
    assert len(desk.readings.receipts.page(ANA, "ana", "", 10, None)) == 1 and len(desk.files()) == 1
    with pytest.raises(Conflict):
        desk.give({"total": 12_576}, request="one-form")


def test_a_supply_of_somebody_else_is_the_same_as_none(desk: Desk) -> None:
    receipt = desk.give({"total": 12_575}).row.receipt
    for supply in ("ana", "nobody"):
        for ask in (
            lambda supply=supply: desk.readings.form(EVA, supply, ""),
            lambda supply=supply: desk.readings.receipts.page(EVA, supply, "", 10, None),
            lambda supply=supply: desk.readings.receipts.photo(EVA, supply, receipt),
            lambda supply=supply: desk.readings.submit(
                EVA, RequestKey("s", new_id(), "f"), Given(supply, "", OF_28, {"total": 1}, PHOTO)
            ),
        ):
            with pytest.raises(NotFound) as refused:
                ask()
            assert (refused.value.message, refused.value.reason) == (
                f"There is no supply {supply!r}.",
                "SUPPLY_NOT_FOUND",
            )
    # The receipt is Ana's: under Eva's own supply there is none of that number, and only the office asks for all.
    with pytest.raises(NotFound, match="no receipt"):
        desk.readings.receipts.photo(EVA, "eva", receipt)
    with pytest.raises(NotFound, match="no supply"):
        desk.readings.receipts.page(EVA, "", "", 10, None)
    assert [one.row.account_id for one in desk.readings.receipts.page(STAFF, "", "", 10, None)] == ["account-ana"]


def test_the_photo_comes_back_without_the_place_it_was_taken_at(desk: Desk) -> None:
    receipt = desk.give({"total": 12_575}).row
    for caller, supply in ((ANA, "ana"), (STAFF, ""), (STAFF, "ana")):
        photo = desk.readings.receipts.photo(caller, supply, receipt.receipt)
        assert photo.media_type == "image/jpeg" and PLACE not in photo.content and len(photo.content) > 1_000
    assert [path.name for path in desk.files()] == [receipt.photo_sha256]
    # Eva may see the supply and the receipt now; the photo is of somebody else's home.
    desk.metering.tell(AccessGranted(account_id="account-eva", supply_id="ana", member_id="m", relation="family"))
    assert desk.readings.receipts.page(EVA, "ana", receipt.receipt, 1, None)[0].row.shown == [("total", 12_575)]
    with pytest.raises(NotFound, match="no receipt"):
        desk.readings.receipts.photo(EVA, "ana", receipt.receipt)


def test_a_meter_for_six_periods_under_a_tariff_of_three(desk: Desk) -> None:
    desk.metering.tell(supply_message("ana", ("M1", "2020-01-01", ""), version=2))
    store(desk.metering, reading("2026-10-01", 100, 200, 300, 0, 0, 0, origin=Origin.REMOTE))
    form = desk.readings.form(ANA, "ana", "")
    assert (form.registers, form.last_real) == (("P1", "P2", "P3"), (100, 200, 300))
    assert desk.give({"P1": 150, "P2": 250, "P3": 350}).state == "counts"
    assert closed(desk.metering) == [
        ("M1", "2026-10-01", "2026-10-29", [50_000, 50_000, 50_000, 0, 0, 0], "self_reading")
    ]


def test_an_amount_that_cannot_be_is_taken_with_a_doubt(desk: Desk) -> None:
    """A year of 100 kWh a month, then 5,000: the office looks at the photo before it counts."""
    months = [f"2025-{month:02}-01" for month in range(9, 13)] + [f"2026-{month:02}-01" for month in range(1, 11)]
    store(desk.metering, *(reading(day, 1_000 + 100 * at, origin=Origin.VISUAL) for at, day in enumerate(months)))
    receipt = desk.give({"total": 7_300})
    assert receipt.state == "doubtful"
    assert [event.doubtful for event in told(desk.metering, SelfReadingTaken)] == [True]


def test_water_is_read_in_cubic_metres(desk: Desk) -> None:
    desk.metering.tell(supply_message("ana", ("W1", "2020-01-01", ""), version=2, kind=supplies_pb2.SERVICE_KIND_WATER))
    store(desk.metering, water("2026-10-01", 345_678))
    form = desk.readings.form(ANA, "ana", "")
    # Read on the spot on 30 September, and kept at the midnight that ended the day.
    assert (form.unit, form.digits, form.last_real, form.last_day) == ("m3", 5, (345,), date(2026, 9, 30))
    assert desk.give({"total": 351}).unit == "m3"
    assert closed(desk.metering) == [("W1", "2026-10-01", "2026-10-29", [5_322], "self_reading")]


def test_a_service_without_meter_and_a_meter_that_came_later(desk: Desk) -> None:
    desk.metering.tell(supply_message("ana", ("M1", "2020-01-01", "2026-10-01"), version=2, tariff="T1R"))
    assert desk.readings.form(ANA, "ana", "").closed is Closed.NO_METER
    with pytest.raises(ReadingClosed):
        desk.give({"total": 1})
    replaced = ("M1", "2020-01-01", "2026-10-10"), ("M9", "2026-10-10", "")
    desk.metering.tell(supply_message("ana", *replaced, version=3, tariff="T1R"))
    assert desk.readings.form(ANA, "ana", "").meter == "M9"
    assert desk.give({"total": 12}, date(2026, 10, 12)).row.meter == "M9"
    assert desk.give({"total": 12_400}, date(2026, 10, 9)).row.meter == "M1"
    desk.metering.tell(supply_message("ana", ("M9", "2026-10-10", ""), version=4, tariff="T1R"))
    assert desk.objections({"total": 12}, date(2026, 10, 9)) == [("day", "BEFORE_LAST_REAL")]


def test_a_meter_that_moved_to_another_house_starts_anew_there(desk: Desk) -> None:
    store(desk.metering, reading("2026-10-01", 500, origin=Origin.REMOTE))
    first = desk.give({"total": 510}, date(2026, 10, 8)).row.receipt
    desk.metering.tell(supply_message("ana", ("M1", "2020-01-01", "2026-10-10"), version=2, tariff="T1R"))
    desk.metering.tell(supply_message("eva", ("M1", "2026-10-10", ""), version=2, tariff="T1R"))
    form = desk.readings.form(EVA, "eva", "")
    assert (form.meter, form.last_real, form.last_day) == ("M1", (0,), None)
    store(desk.metering, reading("2026-10-28", 505, origin=Origin.REMOTE))
    assert desk.readings.receipts.page(ANA, "ana", first, 1, None)[0].state == "counts"


def test_twenty_readings_a_day_are_enough(desk: Desk) -> None:
    for number in range(MANY_A_DAY):
        desk.give({"total": number})
    stored = len(desk.files())
    with pytest.raises(Throttled, match="20 readings"):
        desk.give({"total": 99}, photo=meter_photo("99"))
    assert len(desk.files()) == stored
    desk.metering.clock.advance(timedelta(days=1))
    assert desk.give({"total": 99}, photo=meter_photo("99")).state == "counts"


def test_receipts_page_by_page(desk: Desk) -> None:
    given = [desk.give({"total": 12_000 + day}, date(2026, 10, day)).row.receipt for day in (20, 22, 24, 26, 28)]
    found, after = [], None
    while page := desk.readings.receipts.page(STAFF, "", "", 2, after):
        found += [one.row.receipt for one in page]
        after = (page[-1].row.received_at, page[-1].row.id)
    assert found == given[::-1]


Stub = metering_service_pb2_grpc.MeteringServiceStub


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[ServiceUnderTest]:
    with (
        service_under_test("metering", Settings, build, Stub, folder=tmp_path, database_url=database_url) as running,
        open_event_log(running.process.settings.event_log_url) as log,
    ):
        move(running.clock, datetime(2026, 10, 28, 11, 0, tzinfo=UTC))
        log.ensure_topics(TOPICS)

        def tell(topic: str, message: Message) -> None:
            headers = {"ce_id": new_id(), "ce_type": message.DESCRIPTOR.full_name, "ce_source": "test"}
            log.append([Record(topic, "ana", message.SerializeToString(), headers)])

        tell("coop.supplies.supply.v1", supply_message("ana", ("M1", "2020-01-01", "")))
        tell("coop.supplies.access.v1", AccessGranted(account_id="account-ana", supply_id="ana", member_id="m"))
        yield running


def test_through_the_service_in_the_members_language(service: ServiceUnderTest) -> None:
    member, office = service.as_member("account-ana"), service.as_staff("support")

    def known() -> bool:
        try:
            with remote():
                member.GetSelfReadingForm(pb.GetSelfReadingFormRequest(supply_id="ana"))
        except NotFound:
            return False
        return True

    eventually(known)
    form = member.GetSelfReadingForm(pb.GetSelfReadingFormRequest(supply_id="ana", language="es"))
    assert [one.register for one in form.registers] == ["P1", "P2", "P3"] and not form.last_real_day
    assert (form.latest_day, form.closed, form.max_photo_bytes) == ("2026-11-17", "", 5_000_000)

    def asked(photo: bytes, day: str = "2026-10-28", **shown: int) -> pb.SubmitSelfReadingRequest:
        values = [pb.SubmitSelfReadingRequest.Shown(register=name, value=value) for name, value in shown.items()]
        return pb.SubmitSelfReadingRequest(
            request_id=new_id(), supply_id="ana", day=day, shown=values, photo=photo, language="es"
        )

    wrong = refusal(lambda: member.SubmitSelfReading(asked(b"%PDF", "2026-11-02", P1=1, P3=3)))
    assert isinstance(wrong, Invalid) and wrong.reason == "SELF_READING"
    assert [(one.field, one.description) for one in wrong.violations] == [
        ("P2", "P2: escribe lo que marca el contador."),
        ("day", "El 2 de noviembre de 2026 no ha llegado todavía: escribe el día en que leíste el contador."),
        ("photo", "El archivo no es una foto: elige una imagen JPEG, PNG, WebP o HEIC."),
    ]
    assert wrong.metadata["reason_P2"] == Objection.PERIOD_MISSING.value
    large = bytearray(PHOTO[:2] + b"\xff\xfe\xff\xff" + bytes(65_533)) * 1
    large = large[:2] + bytes(large[2:]) * 75 + PHOTO[2:]  # a photo of 4.9 MB, most of it a camera's remarks
    assert 4_800_000 < len(large) < 5_000_000
    request = asked(bytes(large), P1=10, P2=20, P3=30)
    taken = member.SubmitSelfReading(request)
    assert member.SubmitSelfReading(request).receipt == taken.receipt
    (listed,) = office.ListSelfReadings(pb.ListSelfReadingsRequest()).readings
    assert (listed.receipt, listed.state, listed.day, listed.enters_cycle) == (
        taken.receipt, "counts", "2026-10-28", "2026-12-01"
    )  # fmt: skip
    photo = office.GetSelfReadingPhoto(pb.GetSelfReadingPhotoRequest(receipt=taken.receipt))
    assert photo.content_type == "image/jpeg" and len(photo.content) < len(PHOTO)
    too_large = refusal(
        lambda: member.SubmitSelfReading(asked(PHOTO + bytes(5_000_001 - len(PHOTO)), P1=9, P2=9, P3=9))
    )
    assert [one.field for one in too_large.violations] == ["photo"] and "5 MB" in too_large.violations[0].description
    assert isinstance(refusal(lambda: office.SubmitSelfReading(asked(PHOTO, P1=1, P2=2, P3=3))), Forbidden)


def test_the_profile_decides_and_its_mistakes_are_named(tmp_path: Path) -> None:
    good = (ROOT / "profiles" / "demo-ar" / "coop.toml").read_text(encoding="utf-8")
    rules = rules_of(load_profile(ROOT / "profiles" / "demo-ar"))
    assert (rules.late, rules.working_days, rules.digits["m3"], rules.max_photo_bytes) == (Late.REFUSE, 3, 5, 5_000_000)
    head, _, _ = good.partition("[self_reading]")
    path = tmp_path / "coop.toml"
    path.write_text(head, encoding="utf-8")
    usual = rules_of(load_profile(tmp_path))
    assert (usual.working_days, usual.late, usual.digits, usual.max_photo_mb) == (
        10,
        Late.REFUSE,
        {"kWh": 6, "m3": 5},
        5,
    )
    for line, words in (
        ("working_days = -1", "working_days is -1: give a whole number, 0 to 20"),
        ("max_photo_mb = 50", "max_photo_mb is 50: give a whole number, 1 to 8"),
        ('late = "perhaps"', "late is 'perhaps': known are refuse, next_bill"),
        ("digits = 5", "digits is 5"),
        ("digits = { kWh = 0 }", "kWh is 0"),
    ):
        path.write_text(f"{head}\n[self_reading]\n{line}\n", encoding="utf-8")
        with pytest.raises(SettingsError, match=words):
            rules_of(load_profile(tmp_path))
