"""The import of any format and the quarantine through the running service: who may, and what the messages carry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc

from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.metering.app import build
from services.metering.domain.hours import day_number, local_days
from services.metering.settings import Settings
from tests.support.metering import MADRID
from tests.support.service_under_test import ServiceUnderTest, refusal, service_under_test
from tests.unit.metering.formats.curve_writers import f5d
from tests.unit.metering.formats.test_curve_dialects import some_hours

Stub = metering_service_pb2_grpc.MeteringServiceStub
RETRY, DISCARD = pb.QUARANTINE_ACTION_RETRY, pb.QUARANTINE_ACTION_DISCARD
H0 = local_days(MADRID).start_of(day_number(date(2025, 10, 1)))


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[ServiceUnderTest]:
    with service_under_test("metering", Settings, build, Stub, folder=tmp_path, database_url=database_url) as running:
        yield running


def send(stub: Stub, data: bytes, name: str) -> pb.ImportSummary:
    parts = [
        pb.ImportReadingsRequest(file_name=name),
        pb.ImportReadingsRequest(chunk=data),
        pb.ImportReadingsRequest(complete=True),
    ]
    with remote():
        *_, last = stub.ImportReadings(iter(parts), timeout=60)
    return last.summary


def settle(action: int, import_id: str, *numbers: int) -> pb.SettleQuarantineRequest:
    return pb.SettleQuarantineRequest(request_id=new_id(), action=action, import_id=import_id, numbers=numbers)


def test_from_a_file_with_bad_rows_to_an_empty_quarantine(service: ServiceUnderTest) -> None:
    staff = service.as_staff("metering")
    summary = send(staff, f5d(some_hours(H0, 30)) + b"one;bad;row\nand another\n", "F5D_0575_0001.0")
    assert (summary.format, summary.of_unknown_meters, summary.refused) == ("F5D", 30, 2)
    assert list(summary.unknown_supplies) == ["ES0575000000000877HA"]
    (listed,) = staff.ListImports(pb.ListImportsRequest()).imports
    assert listed == summary

    page = staff.ListQuarantine(pb.ListQuarantineRequest(page_size=2))
    rest = staff.ListQuarantine(pb.ListQuarantineRequest(page_size=2, page_token=page.next_page_token))
    rows = [*page.rows, *rest.rows]
    assert [(row.number, row.line, row.point, row.value, row.can_retry) for row in rows] == [
        (0, 31, "", "one;bad;row", True),
        (1, 32, "", "and another", True),
        (2, 0, "ES0575000000000877HA", "30 hours", True),
    ]
    assert {(row.file_name, row.dialect, row.state, row.import_id) for row in rows} == {
        ("F5D_0575_0001.0", "F5D", "open", summary.import_id)
    }
    assert not rest.next_page_token and rows[0].imported_at.seconds and not rows[0].HasField("settled_at")

    request = settle(RETRY, summary.import_id, 0, 2)
    again = staff.SettleQuarantine(request)
    assert (again.taken, again.discarded, [row.number for row in again.still_open]) == (0, 0, [0, 2])
    assert staff.SettleQuarantine(request) == again
    assert staff.SettleQuarantine(settle(DISCARD, summary.import_id)).discarded == 3
    assert not staff.ListQuarantine(pb.ListQuarantineRequest()).rows
    gone = staff.ListQuarantine(pb.ListQuarantineRequest(import_id=summary.import_id, state="discarded")).rows
    assert [row.number for row in gone] == [0, 1, 2] and all(row.settled_by and row.settled_at.seconds for row in gone)


def test_who_may_look_and_who_may_settle(service: ServiceUnderTest) -> None:
    summary = send(service.as_staff("metering"), f5d(some_hours(H0, 2)) + b"bad\n", "x")
    clerk, member = service.as_staff("members"), service.as_member("account-ana")
    assert len(clerk.ListQuarantine(pb.ListQuarantineRequest()).rows) == 2
    assert refusal(lambda: clerk.SettleQuarantine(settle(DISCARD, summary.import_id))).code == "PERMISSION_DENIED"
    assert refusal(lambda: member.ListQuarantine(pb.ListQuarantineRequest())).code == "PERMISSION_DENIED"
    assert refusal(lambda: member.SettleQuarantine(settle(RETRY, summary.import_id))).code == "PERMISSION_DENIED"
    staff = service.as_staff("billing")
    assert refusal(lambda: staff.SettleQuarantine(settle(0, summary.import_id))).code == "INVALID_ARGUMENT"
    assert refusal(lambda: staff.SettleQuarantine(settle(RETRY, "none"))).code == "NOT_FOUND"
    request = settle(RETRY, summary.import_id)
    request.request_id = ""
    assert refusal(lambda: staff.SettleQuarantine(request)).reason == "REQUEST_ID_MISSING"
    assert refusal(lambda: staff.ListQuarantine(pb.ListQuarantineRequest(page_token="x"))).reason == "PAGE_TOKEN"
