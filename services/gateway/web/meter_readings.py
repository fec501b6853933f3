"""What the meters of a supply showed: service by service, the newest first, with what was used since the reading before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from coop.metering.v1 import metering_service_pb2 as metering
from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from services.chassis.errors import NotFound
from services.gateway import formatting, session
from services.gateway.compose.fanout import Asked, Fanout, Part
from services.gateway.compose.readings import ReadingsView, ReadingView, RegisterView
from services.gateway.compose.supplies import ServiceView
from services.gateway.web.frame import SupplyPage
from services.gateway.web.words import locale, tariff_period

blueprint = Blueprint("meter_readings", __name__)

FEW, MANY = 3, 20
"""Readings of a service on the consumption page, and on a page of their own."""


@dataclass(frozen=True)
class OfService:
    """A service's readings, or why they are not there."""

    service: ServiceView
    part: Part[ReadingsView]


@blueprint.get("/s/<supply_id>/consumption/readings")
@session.members_only
def index(supply_id: str) -> ResponseReturnValue:
    """Of one service when it is named, else of all of them."""
    page = SupplyPage(supply_id, "consumption")
    named, token = request.args.get("service", ""), request.args.get("page", "")
    found = of_services(page, MANY, named, token if named else "")
    if not found:
        raise NotFound("There is no such service of the supply.")
    return page.render("pages/meter_readings.html", found=found, named=named, token=token)


def of_services(page: SupplyPage, size: int, named: str = "", token: str = "") -> list[OfService]:
    """The newest readings of each service, all asked for at once; nothing when the supply's services are not known now."""
    supply = page.supply()
    services = [one for one in supply.services if one.id and named in ("", one.id)] if supply else []
    asked = [(one, ask_readings(page.fanout, page.supply_id, one.id, size, token)) for one in services]
    return [OfService(one, answer.part()) for one, answer in asked]


def ask_readings(fanout: Fanout, supply_id: str, service_id: str, size: int, token: str = "") -> Asked[ReadingsView]:
    """Ask for readings of a service, the newest first."""
    return fanout.ask(
        session.upstream().metering.ListReadings,
        metering.ListReadingsRequest(
            supply_id=supply_id,
            service_id=service_id,
            page_size=size,
            page_token=token,
            language=get_locale().language,
        ),
        ReadingsView.of,
    )


def register_name(register: RegisterView, among: int) -> str:
    """ "Punta (P1)", "P4", or nothing for a meter with one register."""
    if among == 1:
        return ""
    return f"{tariff_period(register.name)} ({register.name})" if among == 3 else register.name


def shown(value: Decimal, water: bool) -> str:
    """What a register showed: cubic metres with their litres, kWh without decimals unless the meter has some."""
    return formatting.number(value, locale(), 3 if water or value % 1 else 0)


def unit_of(readings: Sequence[ReadingView]) -> str:
    """The unit of a service's readings."""
    return "m³" if any(one.water for one in readings) else "kWh"


def origin(reading: ReadingView) -> str:
    """How a reading came about."""
    return {"technician": _("Read from the meter"), "self_reading": _("Your own reading")}.get(
        reading.origin, _("Estimated")
    )


def register(app: Flask) -> None:
    """Words for the templates."""
    app.jinja_env.globals.update(
        register_name=register_name, shown_value=shown, reading_origin=origin, reading_unit_of=unit_of
    )
