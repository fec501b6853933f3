"""A gap in a curve, as its member sees it: missing, then estimated with the reason in words, then measured after all."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from coop.metering.v1 import metering_service_pb2 as metering
from coop.supplies.v1 import supplies_service_pb2 as supplies
from playwright.sync_api import Browser, Page, expect

from services.chassis.eventlog import open_event_log
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, day_start, hours_in_day, zone
from services.chassis.profile import load_profile
from services.local.demo.logins import STAFF_PASSWORD
from services.metering.application.topics import CURVE_TOPIC
from services.metering.domain.calendar import calendar
from services.metering.domain.estimation.closes import Origin
from services.metering.domain.registers import WH, RegisterRow
from tests.e2e.browser import PATIENCE_MS
from tests.support.office import PASSWORD, Office, open_account
from tests.support.prime_files import meter, report, row
from tests.support.stack import ROOT, Stack
from tests.unit.metering.formats.register_writers import s04

pytestmark = pytest.mark.browser

OCTOBER = DatePeriod(date(2026, 10, 1), date(2026, 11, 1))
MADRID = zone("Europe/Madrid")
BASE_WH = 5_000_000
"""What each register showed when the month began."""
BY_CLOSE_WH = 200
"""What the close of the meter's register leaves for each missing hour."""
REAL_WH = 321


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A phone, in Spanish."""
    opened = browser.new_context(viewport={"width": 390, "height": 844}, locale="es-ES", base_url=stack.base_url)
    opened.set_default_timeout(PATIENCE_MS)
    yield opened.new_page()
    opened.close()


def of_october() -> DatePeriodMessage:
    return DatePeriodMessage(start=OCTOBER.start.isoformat(), end=OCTOBER.end.isoformat())


def estimate(office: Office, supply_ids: list[str], *, dry_run: bool = False) -> list[Any]:
    """What an estimation of October comes to, supply by supply."""
    request = metering.EstimateCurvesRequest(
        request_id=new_id(), period=of_october(), supply_ids=supply_ids, dry_run=dry_run
    )
    with remote():
        return list(office.metering.EstimateCurves(request, timeout=120))


def row_of(stack: Stack, account_number: str) -> dict[str, str]:
    with (stack.folder / "demo" / "members.csv").open(encoding="utf-8", newline="") as file:
        return next(one for one in csv.DictReader(file, delimiter=";") if one["account_number"] == account_number)


def october(office: Office, supply_id: str) -> dict[int, Any]:
    """The hours of October that have a value, by their start in hours since the epoch."""
    with remote():
        curve = office.metering.GetCurve(metering.GetCurveRequest(supply_id=supply_id, period=of_october()))
    return {hour.start.seconds // 3600: hour for day in curve.days for hour in day.hours}


def closes(person: dict[str, str], there: dict[int, Any], hours: list[int]) -> bytes:
    """PRIME S04 of both ends of October: what was measured, and BY_CLOSE_WH for each of the missing hours."""
    periods = calendar(person["tariff"], person["tariff_zone"])
    used = dict.fromkeys(range(1, periods.periods + 1), BASE_WH)
    for hour in there.values():
        used[int(hour.tariff_period[1:])] += hour.import_wh
    for number in periods.classify(np.array(hours)).tolist():
        used[number] += BY_CLOSE_WH
    rows = [
        RegisterRow(
            person["meter_serial"], "", day, Origin.REMOTE_MANAGEMENT, WH, {"import": shown}, {"import": sum(shown)}
        )
        for day, shown in ((OCTOBER.start, (BASE_WH,) * periods.periods), (OCTOBER.end, tuple(used.values())))
    ]
    return s04(rows)


def corrections(stack: Stack, supply_id: str) -> list[tuple[int, int, int]]:
    """What billing was told of the supply's October: Wh more than billed, hours estimated and missing."""
    found = []
    group = f"test-{new_id()}"
    with (
        open_event_log(f"sqlite:///{stack.folder}/data/eventlog.db") as log,
        log.consumer(group, [CURVE_TOPIC]) as consumer,
    ):
        while any(log.lag(group, [CURVE_TOPIC]).values()):
            records = consumer.poll(1)
            consumer.commit({record.source: record.offset + 1 for record in records})
            found += [
                ReadingCorrected.FromString(record.value)
                for record in records
                if record.headers["ce_type"] == ReadingCorrected.DESCRIPTOR.full_name and record.key == supply_id
            ]
    return [
        (one.known_wh - one.billed_wh, one.hours_estimated, one.hours_missing)
        for one in found
        if one.period == of_october()
    ]


def versions(office: Office, supply_id: str, hour: int) -> list[tuple[int, int, str]]:
    """Every version of an hour: method, Wh, the file it came with."""
    request = metering.GetCurveExplanationRequest(supply_id=supply_id, day=day_of(hour).isoformat())
    with remote():
        answer = office.metering.GetCurveExplanation(request)
    (found,) = (one for one in answer.hours if one.start.seconds == hour * 3600)
    return [(one.method, one.import_wh, one.source) for one in found.versions]


def day_of(hour: int) -> date:
    return datetime.fromtimestamp(hour * 3600, UTC).astimezone(MADRID).date()


def told(page: Page) -> str:
    return " ".join(page.locator("main").inner_text().replace("\xa0", " ").split())


def test_a_gap_is_estimated_and_later_measured(stack: Stack, page: Page, tmp_path: Path) -> None:
    office = Office(stack, load_profile(ROOT / "profiles" / "demo-es").email, STAFF_PASSWORD)
    # A gap of a few hours of somebody with papers and an address on file: the demonstration has some every month.
    found = (one for one in estimate(office, [], dry_run=True) if 0 < one.hours_estimated <= 5)
    gap, person = next(
        (one, person)
        for one in found
        if (person := row_of(stack, one.account_number))["email"] and person["birth_date"] and person["meter_serial"]
    )
    first = int(day_start(OCTOBER.start, MADRID).timestamp()) // 3600
    expected = sum(hours_in_day(day, MADRID) for day in OCTOBER)
    there = october(office, gap.supply_id)
    hours = sorted({*range(first, first + expected)} - there.keys())
    assert len(hours) == gap.hours_estimated
    told_before = corrections(stack, gap.supply_id)
    assert versions(office, gap.supply_id, hours[0]) == []
    holder = open_account(stack, person["email"], person["name"])
    with remote():
        holder.supplies.RequestAssociation(
            supplies.RequestAssociationRequest(
                document=person["document"], birth_date=person["birth_date"], request_id=new_id()
            )
        )
    office.settle()

    page.goto("/sign-in")
    page.get_by_label("Correo electrónico").fill(person["email"])
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Iniciar sesión").click()
    page.goto(f"/s/{gap.supply_id}/consumption")
    page.get_by_role("link", name="Mes", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Octubre")
    covered = rf"{expected - len(hours)} de {expected} horas medidas"
    assert re.search(rf"{covered}, faltan? {len(hours)}\.", told(page)), told(page)

    path = tmp_path / "closes.xml"
    path.write_bytes(closes(person, there, hours))
    imported = office.import_readings(path)
    assert (imported.format, imported.register_readings, imported.refused) == ("PRIME S04", 2, 0)
    (done,) = estimate(office, [gap.supply_id])
    office.settle()
    assert not done.problem and {reason.method for reason in done.reasons} == {2}
    assert done.import_wh_after - done.import_wh_measured == BY_CLOSE_WH * len(hours)
    page.reload()
    assert re.search(rf"{covered}, {len(hours)} estimadas?\.", told(page)), told(page)
    expect(page.locator(".reasons li").first).to_contain_text("Conocemos el total por su registro")
    page.goto(f"/s/{gap.supply_id}/consumption/day/{day_of(hours[0])}")
    page.get_by_text("Ver la tabla").click()
    expect(page.locator("details[open] abbr", has_text=re.compile("^E$")).first).to_be_visible()
    expect(page.locator("svg:visible .mark-e").first).to_have_text("E")

    path = tmp_path / "late.xml"
    path.write_bytes(report(meter(person["meter_serial"], [row(hour, REAL_WH) for hour in hours])))
    assert office.import_readings(path).accepted == len(hours)
    office.settle()
    page.reload()
    said = told(page)
    assert "24 de 24 horas medidas." in said or "25 de 25 horas medidas." in said
    assert "estimada" not in said and page.locator(".mark-e").count() == 0
    page.get_by_text("Ver la tabla").click()
    assert page.locator("details[open] td", has_text=re.compile("^0,321$")).count() >= 1
    page.goto(f"/s/{gap.supply_id}/consumption/2026-10-01")
    assert f"{expected} de {expected} horas medidas." in told(page)
    assert "algunas lecturas cambiaron después" in told(page)

    # The office sees every version, and billing was told of each change of the billed month once.
    late = office.import_readings(path)
    assert late.seen_before
    office.settle()
    (estimated, measured) = versions(office, gap.supply_id, hours[0])
    assert estimated[0] == 2 and measured == (1, REAL_WH, "late.xml")
    more = [(BY_CLOSE_WH * len(hours), len(hours), 0), (REAL_WH * len(hours), 0, 0)]
    assert corrections(stack, gap.supply_id) == [*told_before, *more]
