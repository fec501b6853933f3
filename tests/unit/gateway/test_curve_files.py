"""Downloads of hours: what was written is what is read back, in the formats' own structure."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.periods import day_start, hours_in_day, zone
from services.gateway.compose import green_button
from services.gateway.compose.curves import CurveView, DayView, HourView
from tests.unit.gateway.conftest import ROOT, Portal

HERE = "/s/sup-1/consumption"
BEARER = {"Authorization": "Bearer good-token"}
ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
MADE = datetime(2026, 11, 21, 12, tzinfo=UTC)
READING_TYPE = [
    "accumulationBehaviour", "commodity", "dataQualifier", "defaultQuality", "flowDirection", "intervalLength", "kind",
    "phase", "powerOfTenMultiplier", "timeAttribute", "uom",
]  # fmt: skip
"""Elements of ESPI 1.1's ReadingType in the order of its schema, of those that are written."""

_HOUR = st.one_of(
    st.none(), st.tuples(st.integers(0, 55_000), st.integers(0, 9_000), st.sampled_from([1, 2, 3, 4, 5, 6, 7, 9]))
)


@st.composite
def curves(draw: st.DrawFn) -> CurveView:
    """Some days around a change of clocks, with absent, estimated and surplus hours."""
    name = draw(st.sampled_from(["Europe/Madrid", "Atlantic/Canary", "America/Argentina/Buenos_Aires"]))
    tz, first = zone(name), draw(st.sampled_from([date(2026, 3, 28), date(2026, 10, 24), date(2026, 6, 1)]))
    days = []
    for day in (first + timedelta(days=offset) for offset in range(draw(st.integers(1, 3)))):
        hours = []
        for offset in range(hours_in_day(day, tz)):
            starts = (day_start(day, tz) + timedelta(hours=offset)).astimezone(tz)
            told = draw(_HOUR)
            if told is None:
                hours.append(HourView(offset + 1, starts, None, False, ""))
            else:
                wh, export, method = told
                hours.append(HourView(offset + 1, starts, wh, method != 1, "P1", export, method))
        days.append(DayView(day, tuple(hours), "2.0TD"))
    return CurveView(tuple(days), name, "2.0TD")


def entries(feed: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [one for one in feed.iter(f"{ATOM}entry") if one.find(f"{ATOM}content/{ESPI}{kind}") is not None]


def flow_of(feed: ElementTree.Element, name: str) -> dict[int, tuple[int, int]]:
    """Seconds since 1970 -> (Wh, quality) of the interval blocks of a meter reading, found through its links."""
    found: dict[int, tuple[int, int]] = {}
    for entry in entries(feed, "IntervalBlock"):
        up = next(one.get("href", "") for one in entry.iter(f"{ATOM}link") if one.get("rel") == "up")
        if up.split("/")[-2] == name:
            for one in entry.iter(f"{ESPI}IntervalReading"):
                start = int(one.findtext(f"{ESPI}timePeriod/{ESPI}start", ""))
                quality = int(one.findtext(f"{ESPI}ReadingQuality/{ESPI}quality", ""))
                assert one.findtext(f"{ESPI}timePeriod/{ESPI}duration") == "3600" and start not in found
                found[start] = (int(one.findtext(f"{ESPI}value", "")), quality)
    return found


@settings(deadline=None)  # a machine busy with other tests is no failure
@given(curves())
def test_green_button_read_back_has_the_same_hours(curve: CurveView) -> None:
    feed = ElementTree.fromstring(green_button.feed(curve, "ES0575000000000877HA", MADE).encode())
    hours = {int(hour.starts.timestamp()): hour for day in curve.days for hour in day.hours if hour.wh is not None}
    delivered = flow_of(feed, "delivered")
    assert {start: wh for start, (wh, _) in delivered.items()} == {start: hour.wh for start, hour in hours.items()}
    code = {1: 0, 2: 8, 3: 11, 4: 8, 5: 8, 6: 8, 7: 8, 9: 10}
    assert {start: quality for start, (_, quality) in delivered.items()} == {
        start: code[hour.method] for start, hour in hours.items()
    }
    received = {start: hour.export_wh for start, hour in hours.items()} if curve.export_wh else {}
    assert {start: wh for start, (wh, _) in flow_of(feed, "received").items()} == received
    assert [one.findtext(f".//{ESPI}flowDirection") for one in entries(feed, "ReadingType")] == (
        ["1", "19"] if received else ["1"]
    )


@settings(deadline=None)  # a machine busy with other tests is no failure
@given(curves())
def test_green_button_has_the_structure_of_espi(curve: CurveView) -> None:
    feed = ElementTree.fromstring(green_button.feed(curve, '5555/1 & "<x>"', MADE).encode())
    assert feed.tag == f"{ATOM}feed"
    own = [link.get("href") for entry in feed.iter(f"{ATOM}entry") for link in entry if link.get("rel") == "self"]
    assert len(own) == len(set(own))
    ids = [one.text for one in feed.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids)) and all(str(one).startswith("urn:uuid:") for one in ids)
    for entry in feed.iter(f"{ATOM}entry"):
        assert [child.tag.removeprefix(ATOM) for child in entry if child.tag != f"{ATOM}link"] == [
            "id", "title", "content", "published", "updated",
        ]  # fmt: skip
    for link in feed.iter(f"{ATOM}link"):
        if link.get("rel") == "related" and "IntervalBlock" not in link.get("href", ""):
            assert link.get("href") in own
    for kind in entries(feed, "ReadingType"):
        content = kind.find(f"{ATOM}content/{ESPI}ReadingType")
        assert content is not None and [one.tag.removeprefix(ESPI) for one in content] == READING_TYPE
    times = feed.find(f".//{ESPI}LocalTimeParameters")
    assert times is not None and [one.tag.removeprefix(ESPI) for one in times] == [
        "dstEndRule", "dstOffset", "dstStartRule", "tzOffset",
    ]  # fmt: skip
    for block in feed.iter(f"{ESPI}IntervalBlock"):
        assert block[0].tag == f"{ESPI}interval"
        assert [one.tag.removeprefix(ESPI) for one in block[0]] == ["duration", "start"]
        assert int(block[0][0].text or 0) // 3600 in (23, 24, 25)
        for reading in block[1:]:
            assert [one.tag.removeprefix(ESPI) for one in reading] == ["ReadingQuality", "timePeriod", "value"]


@pytest.mark.parametrize(
    ("name", "offset", "saving", "start", "end"),
    [
        # The rule of North America is that of the standard's own examples.
        ("America/New_York", -18000, 3600, 0x360E2000, 0xB40E2000),
        ("Europe/Madrid", 3600, 3600, 0x3E0E2000, 0xAE0E3000),
        ("Atlantic/Canary", 0, 3600, 0x3E0E1000, 0xAE0E2000),
        ("America/Argentina/Buenos_Aires", -10800, 0, 0xFFFFFFFF, 0xFFFFFFFF),
        ("Australia/Sydney", 36000, 3600, 0xA40E2000, 0x440E3000),
    ],
)
def test_the_packed_rules_of_clocks(name: str, offset: int, saving: int, start: int, end: int) -> None:
    found = green_button.local_time(zone(name), 2026)
    assert (found.offset_s, found.saving_s, found.start_rule, found.end_rule) == (offset, saving, start, end)


def test_json_is_what_its_schema_says(portal: Portal) -> None:
    portal.world.surplus = portal.world.reasons = True
    answer = portal.member.get(f"{HERE}/2026-10-01_2026-10-31.json")
    assert answer.content_type == "application/json"
    schema = json.loads(Path(ROOT / "docs" / "consumption.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json)
    told = answer.json
    assert told["supply"] == {"cups": "ES0575000000000877HA", "account_number": "5555/1"}
    assert told["hours"] == {"expected": 745, "measured": 742, "estimated": 2, "missing": 1}
    assert [day["hours_expected"] for day in told["days"]] == [24] * 24 + [25] + [24] * 6
    hours = [hour for day in told["days"] for hour in day["hours"]]
    assert sum(hour["import_wh"] for hour in hours) == told["import_wh"]
    assert sum(hour["export_wh"] for hour in hours) == told["export_wh"] == 31 * 3_000
    assert [hour["start"] for hour in told["days"][24]["hours"][2:4]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]
    assert {hour["reason"] for hour in hours if hour["quality"] == "E"} == {
        "El contador no respondió: se ha repartido según el perfil."
    }


def test_every_form_of_the_same_days_has_the_same_hours(portal: Portal) -> None:
    days = f"{HERE}/2026-10-24_2026-10-26"
    lines = portal.member.get(f"{days}.csv").text.split("\r\n")[1:-1]
    xml = portal.member.get(f"{days}.xml")
    assert xml.content_type == "application/atom+xml; charset=utf-8"
    assert 'filename="ES0575000000000877HA_2026-10-24_2026-10-26.xml"' in xml.headers["Content-Disposition"]
    read = [wh for _, (wh, _) in sorted(flow_of(ElementTree.fromstring(xml.data), "delivered").items())]
    told = portal.member.get(f"{days}.json").json
    assert read == [hour["import_wh"] for day in told["days"] for hour in day["hours"]]
    assert read == [int(line.split(";")[3].replace(",", "")) for line in lines] and len(read) == 73


def test_the_api_has_the_same_files(portal: Portal) -> None:
    query = {"start": "2026-10-24", "end": "2026-10-27"}

    def get(path: str) -> bytes:
        answer = portal.visitor.get(f"/api/v1/supplies/sup-1/{path}", headers=BEARER, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.data

    assert get("consumption.csv") == portal.member.get(f"{HERE}/2026-10-24_2026-10-26.csv").data
    assert get("consumption.xml") == portal.member.get(f"{HERE}/2026-10-24_2026-10-26.xml").data
    of_page = portal.member.get(f"{HERE}/2026-10-24_2026-10-26.json").json
    del of_page["supply"]
    assert json.loads(get("consumption")) == of_page
    shown = portal.visitor.get("/api/v1/supplies/sup-1/published-periods", headers=BEARER).json
    assert shown == {"from_day": 0, "periods": [{"start": "2024-09-01", "end": "2026-11-01"}]}


def test_the_api_asks_for_hours_as_they_were_known_at_an_instant(portal: Portal) -> None:
    def get(known_at: str, form: str = "") -> int:
        query = {"start": "2026-10-24", "end": "2026-10-27", "known_at": known_at}
        path = f"/api/v1/supplies/sup-1/consumption{form}"
        return portal.visitor.get(path, headers=BEARER, query_string=query).status_code

    assert get("2026-11-05T10:30:00.5+01:00") == 200
    asked = portal.world.requests[-1]
    assert asked.known_at.ToDatetime(tzinfo=UTC) == datetime(2026, 11, 5, 9, 30, 0, 500_000, tzinfo=UTC)
    for wrong in ("2026-11-05T10:30:00", "2026-11-05", "0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"):
        assert get(wrong) == 422
    assert get("2026-11-05T10:30:00Z", ".csv") == 422, "files tell what is known now"
    portal.visitor.get(
        "/api/v1/supplies/sup-1/consumption", headers=BEARER, query_string={"start": "2026-10-24", "end": "2026-10-27"}
    )
    assert not portal.world.requests[-1].HasField("known_at")


@pytest.mark.parametrize("days", ["2026-10-03_2026-10-01", "2025-01-01_2026-10-31"])
def test_too_many_days_or_none_are_refused(portal: Portal, days: str) -> None:
    assert portal.member.get(f"{HERE}/{days}.xml").status_code == 422


def test_the_files_of_somebody_else_are_not_found(portal: Portal) -> None:
    for form in ("csv", "json", "xml"):
        assert portal.member.get(f"/s/other/consumption/2026-10-01_2026-10-02.{form}").status_code == 404
        assert portal.visitor.get(f"{HERE}/2026-10-01_2026-10-02.{form}").status_code == 303
