"""A gap in a curve, as its member sees it: missing, then estimated with the reason in words, then measured after all."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as metering
from coop.supplies.v1 import supplies_service_pb2 as supplies
from playwright.sync_api import Browser, Page, expect

from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, day_start, hours_in_day, zone
from services.chassis.profile import load_profile
from services.local.demo.logins import STAFF_PASSWORD
from tests.support.office import PASSWORD, Office, open_account
from tests.support.prime_files import meter, report, row
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.browser

OCTOBER = DatePeriod(date(2026, 10, 1), date(2026, 11, 1))
MADRID = zone("Europe/Madrid")
REAL_WH = 321


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A phone, in Spanish."""
    opened = browser.new_context(viewport={"width": 390, "height": 844}, locale="es-ES", base_url=stack.base_url)
    opened.set_default_timeout(20_000)
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


def missing_hours(office: Office, supply_id: str) -> list[int]:
    """Hours of October without a value (start in hours since the epoch)."""
    with remote():
        curve = office.metering.GetCurve(metering.GetCurveRequest(supply_id=supply_id, period=of_october()))
    there = {hour.start.seconds // 3600 for day in curve.days for hour in day.hours}
    first = int(day_start(OCTOBER.start, MADRID).timestamp()) // 3600
    return [
        hour for hour in range(first, first + sum(hours_in_day(day, MADRID) for day in OCTOBER)) if hour not in there
    ]


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
    hours = missing_hours(office, gap.supply_id)
    assert len(hours) == gap.hours_estimated
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
    expected = sum(hours_in_day(day, MADRID) for day in OCTOBER)
    covered = rf"{expected - len(hours)} de {expected} horas medidas"
    assert re.search(rf"{covered}, faltan? {len(hours)}\.", told(page)), told(page)

    (done,) = estimate(office, [gap.supply_id])
    page.reload()
    assert re.search(rf"{covered}, {len(hours)} estimadas?\.", told(page)), told(page)
    assert [reason.method for reason in done.reasons if reason.method > 1] and not done.problem
    expect(page.locator(".reasons li").first).to_contain_text(re.compile(r"hora.*: .{20,}", re.DOTALL))
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
