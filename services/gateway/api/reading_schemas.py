"""The shapes of register readings in the JSON API: whole Wh or litres, as the meters count them."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, Date, Integer, List, Nested, String
from apiflask.validators import Length, OneOf

from services.gateway.api.schemas import ID_LENGTH, Paging, sound


class ReadingsQuery(Paging):
    service_id = String(
        load_default="",
        validate=[Length(max=ID_LENGTH), sound],
        metadata={"description": "Of this service; of all of the supply's when left out."},
    )


class RegisterShownOut(Schema):
    register = String(required=True, metadata={"description": "P1 to P6, or total."})
    value = Integer(required=True, metadata={"description": "What it showed, in the reading's unit."})
    used = Integer(
        required=True, allow_none=True, metadata={"description": "Since the reading before; null where none counts."}
    )


class RegisterReadingOut(Schema):
    id = String(required=True)
    service_id = String(required=True)
    meter = String(required=True)
    day = Date(required=True, metadata={"description": "Read at local midnight at the start of this day."})
    origin = String(required=True, validate=OneOf(["technician", "self_reading", "estimate"]))
    unit = String(required=True, validate=OneOf(["Wh", "litre"]))
    registers = List(Nested(RegisterShownOut), required=True)
    since = Date(
        required=True, allow_none=True, metadata={"description": "Day of the reading that `used` counts from."}
    )
    superseded = Boolean(required=True, metadata={"description": "A better reading of the same day stands instead."})
    doubtful = Boolean(
        required=True, metadata={"description": "It does not fit the others, and counts for nothing yet."}
    )
    findings = List(String(), required=True, metadata={"description": "What validation found, as sentences."})
    receipt = String(required=True, metadata={"description": "Of a member's own reading; else empty."})


class RegisterReadingsOut(Schema):
    readings = List(Nested(RegisterReadingOut), required=True)
    next_page_token = String(required=True)
