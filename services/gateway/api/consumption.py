"""Billed periods, what is shown of consumption, its hours, and files of them."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, FileSchema
from coop.metering.v1 import metering_service_pb2 as metering
from coop.supplies.v1 import supplies_service_pb2 as supplies
from flask import Response
from flask.typing import ResponseReturnValue
from marshmallow import RAISE

from services.chassis.grpc.client import remote
from services.chassis.periods import DatePeriod
from services.gateway import session
from services.gateway.api import reading_schemas, schemas, shapes
from services.gateway.api.auth import auth, metadata
from services.gateway.api.bodies import json_only, period_of
from services.gateway.compose.curve_files import CONTENT_TYPES, headers, text_file
from services.gateway.compose.curves import BilledPeriodView, CurveView
from services.gateway.compose.supplies import SupplyView
from services.gateway.web.frame import now

blueprint = APIBlueprint("consumption_api", __name__, url_prefix="/api/v1", tag="Consumption")
blueprint.before_request(json_only)

_TEXT = FileSchema(type="string", format="binary")


@blueprint.get("/supplies/<supply_id>/billed-periods")
@blueprint.auth_required(auth)
@blueprint.input(schemas.Paging, location="query", unknown=RAISE)
@blueprint.output(schemas.BilledPeriodsOut)
@blueprint.doc(operation_id="listBilledPeriods", summary="The periods billed, newest first")
def billed_periods(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().metering.ListBilledPeriods(
            metering.ListBilledPeriodsRequest(supply_id=supply_id, **query_data), metadata=metadata()
        )
    return {
        "periods": [shapes.billed_period(BilledPeriodView.of(one)) for one in answer.periods],
        "next_page_token": answer.next_page_token,
    }


@blueprint.get("/supplies/<supply_id>/register-readings")
@blueprint.auth_required(auth)
@blueprint.input(reading_schemas.ReadingsQuery, location="query", unknown=RAISE)
@blueprint.output(reading_schemas.RegisterReadingsOut)
@blueprint.doc(operation_id="listRegisterReadings", summary="What the registers of the meters showed, newest first")
def register_readings(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().metering.ListReadings(
            metering.ListReadingsRequest(supply_id=supply_id, **query_data), metadata=metadata()
        )
    return {
        "readings": [shapes.register_reading(one) for one in answer.readings],
        "next_page_token": answer.next_page_token,
    }


@blueprint.get("/supplies/<supply_id>/published-periods")
@blueprint.auth_required(auth)
@blueprint.output(schemas.PublishedOut)
@blueprint.doc(operation_id="getPublishedPeriods", summary="The days whose hours can be seen")
def published_periods(supply_id: str) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().metering.GetPublishedPeriods(
            metering.GetPublishedPeriodsRequest(supply_id=supply_id), metadata=metadata()
        )
    return {
        "periods": [shapes.period(DatePeriod.parse(one.start, one.end)) for one in answer.periods],
        "from_day": answer.from_day,
    }


@blueprint.get("/supplies/<supply_id>/consumption")
@blueprint.auth_required(auth)
@blueprint.input(schemas.CurveQuery, location="query", unknown=RAISE)
@blueprint.output(schemas.CurveOut)
@blueprint.doc(operation_id="getConsumption", summary="The hours of a range inside the published periods")
def consumption(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    return shapes.curve(_curve(supply_id, query_data))


@blueprint.get("/supplies/<supply_id>/consumption.csv")
@blueprint.auth_required(auth)
@blueprint.input(schemas.PeriodQuery, location="query", unknown=RAISE)
@blueprint.output(_TEXT, content_type="text/csv")
@blueprint.doc(operation_id="getConsumptionCsv", summary="The same hours as the distributors' CSV")
def consumption_csv(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    return _file(supply_id, query_data, "csv")


@blueprint.get("/supplies/<supply_id>/consumption.xml")
@blueprint.auth_required(auth)
@blueprint.input(schemas.PeriodQuery, location="query", unknown=RAISE)
@blueprint.output(_TEXT, content_type="application/atom+xml")
@blueprint.doc(operation_id="getConsumptionGreenButton", summary="The same hours as Green Button XML (NAESB ESPI 1.1)")
def consumption_green_button(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    return _file(supply_id, query_data, "xml")


def _curve(supply_id: str, query: dict[str, Any]) -> CurveView:
    with remote():
        asked = metering.GetCurveRequest(supply_id=supply_id, period=period_of(query))
        if query.get("known_at") is not None:
            asked.known_at.FromDatetime(query["known_at"])
        answer = session.upstream().metering.GetCurve(asked, metadata=metadata())
    return CurveView.of(answer)


def _file(supply_id: str, query: dict[str, Any], form: str) -> Response:
    curve = _curve(supply_id, query)
    with remote():
        answer = session.upstream().supplies.GetSupply(
            supplies.GetSupplyRequest(supply_id=supply_id), metadata=metadata()
        )
    supply = SupplyView.of(answer.supply)
    body = text_file(curve, supply, form, now())
    return Response(body, content_type=CONTENT_TYPES[form], headers=headers(curve, supply, form))
