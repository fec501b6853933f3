"""Estimates through the running service: asked for, explained, shown to the member, corrected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.db import Database
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.metering.app import build
from services.metering.application import learn
from services.metering.application.registers import store_readings
from services.metering.domain.hours import day_number, local_days
from services.metering.settings import Settings
from tests.integration.metering.test_metering_service import Stub, send
from tests.support.metering import MADRID, supply_message
from tests.support.prime_files import hourly, report
from tests.support.registers import reading
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal, service_under_test

SUNDAY = date(2025, 10, 5)
DAY = DatePeriod(start="2025-10-05", end="2025-10-06")
H0 = local_days(MADRID).start_of(day_number(SUNDAY))
HEADER = "tariff,from,to,month,day_type,hour,coefficient,source"
PROFILE = "\n".join([HEADER, *(f"2.0TD,2021-01-01,,,any,{h},{'0.15' if h < 4 else '0.18'},REE" for h in range(1, 25))])


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[ServiceUnderTest]:
    with service_under_test("metering", Settings, build, Stub, folder=tmp_path, database_url=database_url) as running:
        told = supply_message("ana", ("M1", "2020-01-01", ""))
        told.supply.services[0].contracts[0].powers.add(period="P1", watts=4_600)
        with database(running).write() as tx:
            learn.supply_changed(tx, told)
        yield running


def database(running: ServiceUnderTest) -> Database:
    return running.process.kit.database


def estimate(stub: Stub, period: DatePeriod = DAY, **more: object) -> list[pb.EstimateCurvesResponse]:
    request = pb.EstimateCurvesRequest(request_id=new_id(), period=period, **more)  # type: ignore[arg-type]
    with remote():
        return list(stub.EstimateCurves(request, timeout=60))


def explained(stub: Stub, language: str = "en") -> pb.GetCurveExplanationResponse:
    with remote():
        return stub.GetCurveExplanation(
            pb.GetCurveExplanationRequest(supply_id="ana", day="2025-10-05", language=language)
        )


def wh_file(*values: int | None) -> bytes:
    return report(*(hourly("M1", H0 + i, [wh]) for i, wh in enumerate(values) if wh is not None))


def test_from_a_gap_to_the_real_value(service: ServiceUnderTest) -> None:
    staff = service.as_staff("metering")
    with remote():
        upload = pb.UploadLoadProfileRequest(request_id="u1", file_name="ree.csv", content=PROFILE.encode())
        (profile,) = staff.UploadLoadProfile(upload).profiles
        assert staff.UploadLoadProfile(upload).profiles[0] == profile
        listed = staff.GetLoadProfiles(pb.GetLoadProfilesRequest()).profiles
    assert (profile.tariff, profile.coefficients, profile.in_force) == ("2.0TD", 24 * 36, True)
    assert [(p.tariff, p.in_force, p.sample) for p in listed] == [
        ("2.0TD", True, False),
        ("2.0TD", False, True),
        ("3.0TD", True, True),
    ]

    send(staff, wh_file(800, 700, None, None, 500, *[0] * 19), "monday.xml")
    with database(service).write() as tx:
        store_readings(tx, [reading("2025-10-05", 0, 0, 10), reading("2025-10-06", 0, 0, 14)], None)
    (dry,) = estimate(staff, dry_run=True)
    assert dry.hours_estimated == 2 and not any(hour.reason for hour in explained(staff).hours)
    (made,) = estimate(staff)
    assert made == dry
    assert (made.account_number, made.import_wh_measured, made.import_wh_after) == ("5555/1", 2_000, 4_000)
    (why,) = made.reasons
    assert (why.case, why.method, why.tariff_period) == ("c", 2, "P3")
    assert "Horas que faltaban: 2 de 24. El cierre de 4.000 Wh menos los 2.000 Wh medidos" in why.sentence
    assert "(REE)" in why.sentence

    day = explained(staff)
    third = day.hours[2]
    assert (third.now.import_wh, third.now.method) == (909, 2)
    assert third.now.source.startswith("Estimated at the request of staff:")
    assert third.reason.startswith(
        "Hours missing: 2 of 24. The close of 4,000 Wh less 2,000 Wh measured leaves 2,000 Wh"
    )
    assert day.hours[0].reason == "" and day.hours[0].now.source == "monday.xml"
    assert (day.account_number, day.time_zone, third.tariff_period) == ("5555/1", MADRID, "P3")

    with remote():
        curve = staff.GetCurve(pb.GetCurveRequest(supply_id="ana", period=DAY, language="es"))
    hours = curve.days[0].hours
    assert [(hour.import_wh, hour.method, hour.reason) for hour in hours[1:4]] == [
        (700, 1, 0),
        (909, 2, 1),
        (1_091, 2, 1),
    ]
    assert list(curve.reasons) == [
        "Algunas horas no llegaron de tu contador. Conocemos el total por su registro y lo repartimos entre ellas."
    ]

    as_estimated = third.now.known_at
    service.clock.advance(timedelta(seconds=1))
    send(staff, wh_file(None, None, 1_200), "late.xml")
    eventually(lambda: explained(staff).hours[3].now.import_wh == 800)
    late = explained(staff)
    asked = {"supply_id": "ana", "language": "en", "known_at": as_estimated}
    with remote():
        then = staff.GetCurve(pb.GetCurveRequest(period=DAY, **asked))
        told_then = staff.GetCurveExplanation(pb.GetCurveExplanationRequest(day="2025-10-05", **asked))
    assert [hour.import_wh for hour in then.days[0].hours[1:4]] == [700, 909, 1_091] and len(then.reasons) == 1
    assert told_then.hours[2] == day.hours[2] and not third.HasField("usual")
    both = pb.GetCurveRequest(period=DAY, curve_version=1, **asked)
    assert [one.field for one in refusal(lambda: staff.GetCurve(both)).violations] == ["known_at"]
    both.known_at.seconds = 10**15
    assert [one.field for one in refusal(lambda: staff.GetCurve(both)).violations] == ["known_at"]
    assert [(v.import_wh, v.method, v.source) for v in late.hours[2].versions][1:] == [(1_200, 1, "late.xml")]
    assert late.hours[3].versions[-1].source == "Estimated anew, since measured hours arrived"
    send(staff, wh_file(None, None, None, 801), "last.xml")
    eventually(lambda: not explained(staff).reasons)
    assert [v.method for v in explained(staff).hours[3].versions] == [2, 2, 1]


def test_who_may_estimate(service: ServiceUnderTest) -> None:
    request = pb.EstimateCurvesRequest(request_id="x", period=DAY)
    member, support = service.as_member("account-ana"), service.as_staff("support")
    assert refusal(lambda: list(member.EstimateCurves(request))).code == "PERMISSION_DENIED"
    assert refusal(lambda: list(support.EstimateCurves(request))).code == "PERMISSION_DENIED"
    explanation = pb.GetCurveExplanationRequest(supply_id="ana", day="2025-10-05")
    assert refusal(lambda: member.GetCurveExplanation(explanation)).code == "PERMISSION_DENIED"
    staff = service.as_staff("metering")
    wrong = pb.GetCurveExplanationRequest(supply_id="ana", day="5/10/2025")
    assert [v.field for v in refusal(lambda: staff.GetCurveExplanation(wrong)).violations] == ["day"]
    nobody = pb.GetCurveExplanationRequest(supply_id="eva", day="2025-10-05")
    assert refusal(lambda: staff.GetCurveExplanation(nobody)).code == "NOT_FOUND"
    assert refusal(lambda: list(staff.EstimateCurves(pb.EstimateCurvesRequest(period=DAY)))).code == "INVALID_ARGUMENT"
