"""The running service: gRPC with tokens on one side, the event log on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import grpc
import pytest
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import CurveReady
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc
from coop.supplies.events.v1.events_pb2 import AccessGranted
from google.protobuf.message import Message

from services.chassis.eventlog import EventLog, Record
from services.chassis.eventlog.factory import open_event_log
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.metering.app import build
from services.metering.consumers import TOPICS
from services.metering.domain.hours import day_number, local_days
from services.metering.settings import Settings
from tests.support.metering import MADRID, invoice_message, supply_message
from tests.support.prime_files import hourly, meter, report, row
from tests.support.quarters import quarter_file
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal, service_under_test
from tests.unit.metering.formats.curve_writers import SUPPLY

H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 1)))
OCTOBER = DatePeriod(start="2026-10-01", end="2026-11-01")
BEFORE = DatePeriod(start="2026-09-30", end="2026-10-01")

Stub = metering_service_pb2_grpc.MeteringServiceStub


@dataclass
class Running:
    """Metering in a process of its own making, and the event log it shares with the other services."""

    service: ServiceUnderTest
    log: EventLog

    def tell(self, topic: str, key: str, message: Message) -> None:
        """Append an event the way another service's outbox does."""
        headers = {"ce_id": new_id(), "ce_type": message.DESCRIPTOR.full_name, "ce_source": "test"}
        self.log.append([Record(topic, key, message.SerializeToString(), headers)])


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Running]:
    with (
        service_under_test("metering", Settings, build, Stub, folder=tmp_path, database_url=database_url) as service,
        open_event_log(service.process.settings.event_log_url) as log,
    ):
        log.ensure_topics(TOPICS)
        yield Running(service, log)


def send(stub: Stub, data: bytes, name: str = "S02.xml") -> tuple[list[pb.ImportProgress], pb.ImportSummary]:
    def messages() -> Iterator[pb.ImportReadingsRequest]:
        yield pb.ImportReadingsRequest(file_name=name)
        for begin in range(0, len(data), 65_536):
            yield pb.ImportReadingsRequest(chunk=data[begin : begin + 65_536])
        yield pb.ImportReadingsRequest(complete=True)

    with remote():
        *progress, last = list(stub.ImportReadings(messages(), timeout=60))
    assert last.WhichOneof("part") == "summary"
    return [step.progress for step in progress], last.summary


def energy(stub: Stub, *, by_hour: bool = False) -> list[pb.StreamBillableEnergyResponse]:
    query = pb.EnergyQuery(supply_id="ana", service_id="ana-service", tariff="2.0TD", period=OCTOBER, by_hour=by_hour)
    with remote():
        return list(stub.StreamBillableEnergy(pb.StreamBillableEnergyRequest(queries=[query])))


def test_the_whole_way_from_a_file_to_the_member(running: Running) -> None:
    staff, member = running.service.as_staff("metering"), running.service.as_member("account-ana")
    # Readings come before anybody told of the meter; the supply comes and they are its curve, without a second import.
    _, summary = send(staff, report(hourly("M1", H0, [100] * 745)))
    assert (summary.accepted, summary.of_unknown_meters, list(summary.unknown_meters)) == (0, 745, ["M1"])
    assert len(summary.sha256) == 64 and summary.imported_at.seconds > 0

    supply = supply_message("ana", ("M1", "2020-01-01", ""))
    supply.supply.cups = SUPPLY
    running.tell("coop.supplies.supply.v1", "ana", supply)
    eventually(lambda: energy(running.service.as_service("billing"))[0].hours_measured == 745)
    (answer,) = energy(running.service.as_service("billing"))
    assert [(e.period, e.import_wh) for e in answer.energy] == [("P1", 16_800), ("P2", 16_800), ("P3", 40_900)]
    assert not answer.hours
    (answer,) = energy(running.service.as_service("billing"), by_hour=True)
    assert [hour.start.seconds for hour in answer.hours] == [3600 * (H0 + number) for number in range(745)]
    assert sum(hour.import_wh for hour in answer.hours if hour.period == "P1") == 16_800

    # The relay makes the topic when it sends the first event, which may be later than this line.
    running.log.ensure_topics(["coop.metering.curve.v1"], running.service.process.settings.event_partitions)
    consumer = running.log.consumer("test", ["coop.metering.curve.v1"])
    told: list[CurveReady] = []
    eventually(lambda: told.extend(CurveReady.FromString(r.value) for r in consumer.poll(0.2)) or len(told) == 1)
    consumer.close()
    assert (told[0].supply_id, told[0].period, told[0].hours_stored) == ("ana", OCTOBER, 745)

    ask = pb.GetCurveRequest(supply_id="ana", period=OCTOBER)
    running.tell(
        "coop.supplies.access.v1",
        "account-ana",
        AccessGranted(account_id="account-ana", supply_id="ana", member_id="m"),
    )
    eventually(lambda: refusal(lambda: member.GetCurve(ask)).reason == "CURVE_NOT_BILLED")
    running.tell("coop.billing.invoice.v1", "ana", invoice_message("ana", "2026-10-01", "2026-11-01"))
    eventually(lambda: bool(member.ListBilledPeriods(pb.ListBilledPeriodsRequest(supply_id="ana")).periods))

    curve = member.GetCurve(ask)
    assert [day.hours_expected for day in curve.days] == [24] * 24 + [25] + [24] * 6
    assert curve.days[24].day == "2026-10-25" and len(curve.days[24].hours) == 25
    hour = curve.days[0].hours[0]
    assert (hour.import_wh, hour.quality, hour.tariff_period) == (100, pb.QUALITY_REAL, "P3")
    assert hour.start.ToJsonString() == "2026-09-30T22:00:00Z"
    assert (curve.time_zone, curve.tariff) == (MADRID, "2.0TD")

    stranger = running.service.as_member("account-eva")
    refused = refusal(lambda: stranger.GetCurve(ask))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "SUPPLY_NOT_FOUND")

    # An hour of the day before that came by quarters: those above a power, and what is not known of the others.
    send(staff, quarter_file({H0 - 24: (100, 501, 0, 500)}), "quarters.csv")
    query = pb.EnergyQuery(supply_id="ana", service_id="ana-service", tariff="2.0TD", period=BEFORE)
    query.quarters_above.add(period="P3", watts=2_000)
    (answer,) = running.service.as_service("billing").StreamBillableEnergy(
        pb.StreamBillableEnergyRequest(queries=[query])
    )
    (demand,) = answer.quarter_demands
    assert (demand.period, demand.start.ToJsonString(), demand.watts) == ("P3", "2026-09-29T22:15:00Z", 2_004)
    assert [(one.period, one.hours) for one in answer.quarters_unknown] == [("P3", 7)]
    explained = staff.GetCurveExplanation(pb.GetCurveExplanationRequest(supply_id="ana", day="2026-09-30"))
    assert [list(hour.quarters_wh) for hour in explained.hours] == [[100, 501, 0, 500]] + [[]] * 23


def test_an_import_tells_progress_refusals_and_repetition(running: Running) -> None:
    staff = running.service.as_staff("billing")
    rows = [row(H0 + i, i) for i in range(24)]
    data = report(*(meter(f"M{n}", rows) for n in range(1_500)), meter("BAD", [row(H0, "-1")]))
    progress, summary = send(staff, data)
    assert len(progress) >= 2 and progress[-1].bytes_read == len(data) and progress[-1].readings == 36_000
    assert [p.readings for p in progress] == sorted(p.readings for p in progress)
    assert (summary.of_unknown_meters, summary.refused, summary.seen_before) == (36_000, 1, False)
    (bad,) = summary.refused_readings
    assert (bad.meter, bad.value) == ("BAD", "-1") and "negative" in bad.reason
    _, again = send(staff, data, "again.xml")
    assert (again.seen_before, again.duplicates, again.of_unknown_meters) == (True, 36_000, 0)

    with remote():
        page = staff.ListImports(pb.ListImportsRequest(page_size=1))
        rest = staff.ListImports(pb.ListImportsRequest(page_size=5, page_token=page.next_page_token))
    assert [i.file_name for i in page.imports] == ["again.xml"]
    assert [i.file_name for i in rest.imports] == ["S02.xml"] and rest.next_page_token == ""


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [pb.ImportReadingsRequest(chunk=b"x")],
        [pb.ImportReadingsRequest(file_name="a"), pb.ImportReadingsRequest(file_name="b")],
    ],
)
def test_an_import_is_a_name_and_then_chunks(running: Running, messages: list[pb.ImportReadingsRequest]) -> None:
    staff = running.service.as_staff("metering")
    refused = refusal(lambda: list(staff.ImportReadings(iter(messages), timeout=60)))
    assert refused.code == "INVALID_ARGUMENT"
    with remote():
        assert not staff.ListImports(pb.ListImportsRequest()).imports


def test_an_upload_that_does_not_say_it_is_whole_stores_nothing(running: Running) -> None:
    staff = running.service.as_staff("metering")
    half = [
        pb.ImportReadingsRequest(file_name="half.xml"),
        pb.ImportReadingsRequest(chunk=report(hourly("M1", H0, [1] * 24))),
    ]
    refused = refusal(lambda: list(staff.ImportReadings(iter(half), timeout=60)))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "UPLOAD_INTERRUPTED")
    with remote():
        assert not staff.ListImports(pb.ListImportsRequest()).imports


def test_who_may_call_what(running: Running) -> None:
    query = pb.StreamBillableEnergyRequest()
    name = [pb.ImportReadingsRequest(file_name="x")]
    calls: list[tuple[str, Callable[[], object]]] = [
        ("UNAUTHENTICATED", lambda: list(running.service.stub().StreamBillableEnergy(query))),
        ("PERMISSION_DENIED", lambda: list(running.service.as_member("a").StreamBillableEnergy(query))),
        ("PERMISSION_DENIED", lambda: list(running.service.as_service("notifications").StreamBillableEnergy(query))),
        ("PERMISSION_DENIED", lambda: list(running.service.as_member("a").ImportReadings(iter(name)))),
        ("PERMISSION_DENIED", lambda: list(running.service.as_staff("support").ImportReadings(iter(name)))),
        ("PERMISSION_DENIED", lambda: running.service.as_member("a").ListImports(pb.ListImportsRequest())),
        ("PERMISSION_DENIED", lambda: running.service.as_service("billing").GetCurve(pb.GetCurveRequest())),
        ("UNAUTHENTICATED", lambda: running.service.stub().ListBilledPeriods(pb.ListBilledPeriodsRequest())),
    ]
    for code, call in calls:
        assert refusal(call).code == code


def test_wrong_questions_name_the_field(running: Running) -> None:
    staff = running.service.as_staff()
    wrong = refusal(lambda: staff.GetCurve(pb.GetCurveRequest(supply_id="a", period=DatePeriod(start="2026-13-01"))))
    assert (wrong.code, [v.field for v in wrong.violations]) == ("INVALID_ARGUMENT", ["period"])
    assert "'2026-13-01' is not a date" in wrong.message
    backwards = DatePeriod(start="2026-10-02", end="2026-10-01")
    assert "holds no day" in refusal(lambda: staff.GetCurve(pb.GetCurveRequest(period=backwards))).message
    query = pb.EnergyQuery(service_id="s", tariff="3.0TD", period=OCTOBER)
    query.quarters_above.add(period="P1", watts=-1)
    request = pb.StreamBillableEnergyRequest(queries=[query])
    wrong = refusal(lambda: list(staff.StreamBillableEnergy(request)))
    assert [v.field for v in wrong.violations] == ["queries[0].quarters_above[0].watts"]
    assert "The power of P1 is -1 W" in wrong.message
    for token in ("nonsense", "WyIyMDI2IiwiYSJd"):
        refused = refusal(lambda t=token: staff.ListBilledPeriods(pb.ListBilledPeriodsRequest(page_token=t)))
        assert refused.reason == "PAGE_TOKEN"


def test_a_call_cut_off_half_way_stores_nothing(running: Running) -> None:
    staff = running.service.as_staff("metering")

    def half() -> Iterator[pb.ImportReadingsRequest]:
        yield pb.ImportReadingsRequest(file_name="half.xml")
        yield pb.ImportReadingsRequest(chunk=report(hourly("M1", H0, [1] * 24))[:600])
        raise RuntimeError("the office's line went down")

    with pytest.raises(grpc.RpcError):
        list(staff.ImportReadings(half(), timeout=60))
    with remote():
        assert not staff.ListImports(pb.ListImportsRequest()).imports
