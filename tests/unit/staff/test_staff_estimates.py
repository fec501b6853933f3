"""`coopctl curve explain`, `readings estimate` and `readings profile`: what they ask and how they print the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.common.v1.types_pb2 import DatePeriod
from coop.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc
from coop.supplies.v1 import supplies_service_pb2, supplies_service_pb2_grpc

from services.staff.cli import run
from services.staff.session import Session, SessionFile

WHY = "Hours missing: 2 of 24."


def reason() -> pb.EstimateReason:
    days = DatePeriod(start="2026-10-04", end="2026-10-05")
    return pb.EstimateReason(sentence=WHY, days=days, tariff_period="P3", method=2, case="c")


class Services(
    metering_service_pb2_grpc.MeteringServiceServicer,
    identity_service_pb2_grpc.IdentityServiceServicer,
    supplies_service_pb2_grpc.SuppliesServiceServicer,
):
    """Identity, supplies and metering, as far as these commands ask."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        answer = identity_service_pb2.IssueAccessTokenResponse(access_token="token")
        answer.expires_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
        return answer

    def GetStaffNames(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        people = {"1": "Eva Ruiz"}
        return identity_service_pb2.GetStaffNamesResponse(
            staff=[identity_service_pb2.StaffName(id=one, name=people[one]) for one in request.ids if one in people]
        )

    def GetSupply(self, request: Any, context: Any) -> Any:
        answer = supplies_service_pb2.GetSupplyResponse()
        answer.supply.id = f"id of {request.supply_id}"
        return answer

    def EstimateCurves(self, request: pb.EstimateCurvesRequest, context: Any) -> Iterator[pb.EstimateCurvesResponse]:
        self.asked.append(request)
        if request.period.start == "2019-10-01":
            yield pb.EstimateCurvesResponse(account_number="5555/1", problem="The profile of 2.0TD has no coefficient.")
            return
        yield pb.EstimateCurvesResponse(
            account_number="5555/1",
            hours_estimated=2,
            import_wh_measured=2_000,
            import_wh_after=4_000,
            reasons=[reason()],
        )
        yield pb.EstimateCurvesResponse(account_number="5555/2", problem="The contract has no power.")

    def StreamDoubtfulReadings(self, request: Any, context: Any) -> Iterator[pb.StreamDoubtfulReadingsResponse]:
        self.asked.append(request)
        day = pb.DoubtfulDay(day="2026-10-04", hours=2, import_wh=1_208)
        yield pb.StreamDoubtfulReadingsResponse(account_number="5555/1", kind="electricity", days=[day])
        register = pb.DoubtfulRegister(
            meter="W1", day="2026-11-01", origin="technician", unit="litre", shown=[1_204_318], findings=["It is high."]
        )
        yield pb.StreamDoubtfulReadingsResponse(account_number="5555/2", kind="water", registers=[register])

    def AcceptReadings(self, request: pb.AcceptReadingsRequest, context: Any) -> pb.AcceptReadingsResponse:
        self.asked.append(request)
        registers = (
            [pb.AcceptedReading(reading_id="r-1", meter="M1", day="2026-11-01")] if not request.service_id else []
        )
        return pb.AcceptReadingsResponse(hours=2, readings=registers)

    def GetCurveExplanation(self, request: Any, context: Any) -> pb.GetCurveExplanationResponse:
        self.asked.append(request)
        late = pb.HourVersion(import_wh=1_200, method=1, source="late.xml")
        estimated = pb.HourVersion(
            import_wh=909, method=2, source="Estimated at the request of staff:1", actor="staff:1"
        )
        usual = pb.UsualEnergy(mean_wh=510, low_wh=459, high_wh=1_061)
        hour = pb.ExplainedHour(tariff_period="P3", now=late, versions=[estimated, late], usual=usual, unusual=True)
        hour.quarters_wh.extend((300, 100, 0, 800))
        hour.start.FromDatetime(datetime(2026, 10, 3, 22, tzinfo=UTC))
        gap = pb.ExplainedHour(tariff_period="P3")
        gap.start.FromDatetime(datetime(2026, 10, 3, 23, tzinfo=UTC))
        return pb.GetCurveExplanationResponse(
            account_number="5555/1",
            day=request.day,
            time_zone="Europe/Madrid",
            hours=[hour, gap],
            reasons=[reason()],
        )

    def UploadLoadProfile(self, request: Any, context: Any) -> pb.UploadLoadProfileResponse:
        if request.file_name == "bad.csv":
            row = pb.RefusedRow(line=3, value="x", reason="The row has 1 cells, not 8.")
            return pb.UploadLoadProfileResponse(refused=[row])
        found = pb.LoadProfile(tariff="2.0TD", file_name=request.file_name, coefficients=864, in_force=True)
        return pb.UploadLoadProfileResponse(profiles=[found])

    def GetLoadProfiles(self, request: Any, context: Any) -> pb.GetLoadProfilesResponse:
        sample = pb.LoadProfile(tariff="3.0TD", file_name="sample_3.0TD.csv", in_force=True, sample=True)
        return pb.GetLoadProfilesResponse(profiles=[sample])


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    server, served = grpc.server(ThreadPoolExecutor(2)), Services()
    metering_service_pb2_grpc.add_MeteringServiceServicer_to_server(served, server)
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(served, server)
    supplies_service_pb2_grpc.add_SuppliesServiceServicer_to_server(served, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for name in ("METERING", "IDENTITY", "SUPPLIES"):
        monkeypatch.setenv(f"COOP_{name}_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("COOP_CONFIG_DIR", str(tmp_path))
    SessionFile(tmp_path).save(Session("office@example.org", "Office", "good", "2026-12-01T00:00:00Z"))
    yield served
    server.stop(None)


def test_a_month_is_estimated(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["readings", "estimate", "--month", "2026-10", "--supply", "5555/1", "--supply", "5555/2", "--dry-run"]
    assert run(asked) == 0
    (request,) = services.asked
    assert (request.period.start, request.period.end, request.dry_run) == ("2026-10-01", "2026-11-01", True)
    assert list(request.supply_ids) == ["id of 5555/1", "id of 5555/2"] and request.request_id
    said = capsys.readouterr()
    assert "Would be estimated in 2026-10" in said.out and "4,000" in said.out and WHY in said.out
    assert said.err == "5555/2: The contract has no power.\n"
    assert run(["readings", "estimate", "--month", "2026-10", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["month"], document["dry_run"]) == ("2026-10", False)
    assert document["supplies"][0]["reasons"][0]["case"] == "c"
    assert run(["readings", "estimate", "--month", "October"]) == 2


def test_doubtful_readings_are_accepted_for_a_reason(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["readings", "accept", "5555/1", "--from", "2026-10-01", "--to", "2026-11-01", "--reason", "Seen on site."]
    assert run(asked) == 0
    (request,) = services.asked
    assert (request.period.start, request.period.end, request.reason) == ("2026-10-01", "2026-11-01", "Seen on site.")
    assert request.supply_id == "id of 5555/1" and request.request_id
    said = capsys.readouterr()
    assert "Hours accepted: 2. Register readings accepted: 1." in said.out + said.err and "M1" in said.out
    assert run([*asked, "--service", "s-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hours"] in (2, "2")
    assert run(asked[:-2]) == 2


def test_doubtful_readings_are_listed_by_day_and_register(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["readings", "doubtful", "--month", "2026-10", "--supply", "5555/1"]) == 0
    (request,) = services.asked
    assert (request.period.start, request.period.end) == ("2026-10-01", "2026-11-01")
    assert list(request.supply_ids) == ["id of 5555/1"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Doubtful hours, 2026-10-01 to 2026-10-31"
    assert lines[2].split() == ["5555/1", "electricity", "2026-10-04", "2", "1,208", "0"]
    assert lines[5].split() == [
        "5555/2",
        "water",
        "W1",
        "2026-11-01",
        "technician",
        "1,204.318",
        "m3",
        "It",
        "is",
        "high.",
    ]
    assert run(["readings", "doubtful", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [len(one["days"]) + len(one["registers"]) for one in document["supplies"]] == [1, 1]
    days = DatePeriod(start=document["from"], end=document["to"])
    assert days == services.asked[-1].period and date.fromisoformat(days.end) > datetime.now(UTC).date()
    assert run(["readings", "doubtful", "--month", "October"]) == 2


def test_a_month_of_which_nothing_can_be_estimated_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["readings", "estimate", "--month", "2019-10"]) == 1
    assert capsys.readouterr().err == "5555/1: The profile of 2.0TD has no coefficient.\n"
    assert run(["readings", "estimate", "--month", "2019-10", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["supplies"][0]["problem"]


def test_a_day_is_explained(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["curve", "explain", "5555/1", "2026-10-04", "--language", "en"]) == 0
    request, names = services.asked
    assert list(names.ids) == ["1"]
    assert (request.supply_id, request.day, request.language) == ("id of 5555/1", "2026-10-04", "en")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Supply 5555/1, 2026-10-04"
    assert lines[2].startswith("00:00 CEST") and "909" in lines[2] and "2 close, by profile" in lines[2]
    assert "Estimated at the request of Eva Ruiz" in lines[2]
    assert "1,200" in lines[3] and "late.xml" in lines[3] and lines[3].rstrip().endswith("now")
    assert lines[4].startswith("01:00 CEST") and lines[4].rstrip().endswith("missing")
    assert lines[5] == "Hours that came by quarters: import Wh of each"
    assert lines[7].split() == ["00:00", "CEST", "300", "100", "0", "800", "3,200"]
    assert lines[8] == f"P3, 2026-10-04 to 2026-10-05 (case c): {WHY}"
    assert run(["curve", "explain", "5555/1", "2026-10-04", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    versions = document["hours"][0]["versions"]
    assert [(one["method"], one["actor"]) for one in versions] == [(2, "staff:1"), (1, "")]
    assert [one["source"] for one in versions] == ["Estimated at the request of Eva Ruiz", "late.xml"]
    assert document["hours"][1]["now"] is None
    assert [one["quarters_wh"] for one in document["hours"]] == [[300, 100, 0, 800], []]
    assert run(["curve", "explain", "5555/1", "4/10/2026"]) == 2


def test_a_day_is_explained_as_known_at_an_instant(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    def asked(known_at: str) -> datetime:
        assert run(["curve", "explain", "5555/1", "2026-10-04", "--known-at", known_at]) == 0
        return services.asked[-2].known_at.ToDatetime(tzinfo=UTC)

    # Instants are printed to the second: what became known within it was known "at" it.
    assert asked("2026-11-05T10:30:00+01:00") == datetime(2026, 11, 5, 9, 30, 0, 999_999, tzinfo=UTC)
    assert asked("2026-11-05T09:30:00.25Z") == datetime(2026, 11, 5, 9, 30, 0, 250_000, tzinfo=UTC)
    said = capsys.readouterr().out
    assert "Supply 5555/1, 2026-10-04, as known at 2026-11-05T10:30:00+01:00" in said
    assert "! 510 (459-1,061)" in said and said.count(" then\n") == 2
    assert run(["curve", "explain", "5555/1", "2026-10-04"]) == 0 and not services.asked[-2].HasField("known_at")
    for wrong in ("yesterday", "2026-11-05", "2026-13-05T10:00"):
        assert run(["curve", "explain", "5555/1", "2026-10-04", "--known-at", wrong]) == 2
        assert wrong in capsys.readouterr().err


def test_profiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "ree.csv", tmp_path / "bad.csv"
    good.write_text("x", encoding="utf-8")
    bad.write_text("x", encoding="utf-8")
    assert run(["readings", "profile", "upload", str(good)]) == 0
    assert "ree.csv" in capsys.readouterr().out
    assert run(["readings", "profile", "upload", str(bad)]) == 1
    said = capsys.readouterr()
    assert "The row has 1 cells, not 8." in said.out and "nothing was stored" in said.err
    assert run(["readings", "profile", "list"]) == 0
    assert "sample_3.0TD.csv (sample, illustrative)" in capsys.readouterr().out
