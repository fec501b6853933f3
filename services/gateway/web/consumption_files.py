"""The hours of any days as a file: the distributors' CSV, JSON, Green Button XML."""

from __future__ import annotations

import json
from datetime import date, timedelta

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod
from services.gateway import session
from services.gateway.api import schemas, shapes
from services.gateway.compose.curve_files import CONTENT_TYPES, headers, text_file
from services.gateway.compose.spans import DAY, LONGEST_RANGE, RANGE, Span
from services.gateway.web import not_shown
from services.gateway.web.curve_calls import AskedCurve, ask_published
from services.gateway.web.frame import SupplyPage, now

blueprint = Blueprint("consumption_files", __name__)


@blueprint.get("/s/<supply_id>/consumption/<day:first>_<day:last>.<any(csv,json,xml):form>")
@session.members_only
def days(supply_id: str, first: date, last: date, form: str) -> ResponseReturnValue:
    """The days from one to another, both included; those of them that are not shown yet are left out."""
    if not 0 <= (last - first).days < LONGEST_RANGE:
        raise Invalid(f"From {first} to {last} there are not 1 to {LONGEST_RANGE} days.", "RANGE", field="last")
    page = SupplyPage(supply_id, "consumption")
    published = ask_published(page.fanout, supply_id).get()
    span = Span(DAY if first == last else RANGE, DatePeriod(first, last + timedelta(days=1)))
    asked = AskedCurve(page.fanout, supply_id, span.days, published)
    if not asked.any:
        return not_shown.answer(page, span, published)
    supply = page.supply()
    if supply is None:
        raise NotFound("There is no such supply among yours.")
    curve = asked.get()
    if form == "json":
        body = json.dumps(schemas.CurveFile().dump(shapes.curve_file(curve, supply)), ensure_ascii=False)
    else:
        body = text_file(curve, supply, form, now())
    return Response(body, content_type=CONTENT_TYPES[form], headers=headers(curve, supply, form))
