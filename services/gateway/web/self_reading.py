"""Reading one's own meter: the form, taking it, the receipt at an address of its own, and the photo back."""

from __future__ import annotations

import hashlib

from coop.metering.v1 import metering_service_pb2 as metering
from flask import Blueprint, Flask, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import formatting, session
from services.gateway.compose.fanout import Asked, Fanout, Part
from services.gateway.compose.self_readings import FormView, ReceiptView
from services.gateway.web import errors
from services.gateway.web.frame import SupplyPage, profile, today
from services.gateway.web.self_reading_form import SelfReadingForm, form_for
from services.gateway.web.words import locale, tariff_period

blueprint = Blueprint("self_reading", __name__)

MEGABYTE = 1_000_000
MAX_PHOTO_MB = 5
"""Where the profile does not say else, as in the service that keeps the photos."""
FORM_BYTES = 64 * 1024
SUBMIT_DEADLINE_S = 15.0
RECENT = 12
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic"}


@blueprint.get("/s/<supply_id>/self-reading")
@session.members_only
def ask(supply_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    asked, given = (
        _ask_form(page.fanout, supply_id, request.args.get("service", "")),
        _ask_given(page.fanout, supply_id),
    )
    part = asked.part()
    if isinstance(part.error, NotFound):
        raise part.error
    form = form_for(part.value, _labels(part.value)) if part.value else None
    return _render(page, part, given, form)


@blueprint.post("/s/<supply_id>/self-reading")
@session.members_only
def give(supply_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    service_id = request.form.get("service", "")
    part, given = _ask_form(page.fanout, supply_id, service_id).part(), _ask_given(page.fanout, supply_id)
    asked = part.get()
    form = form_for(asked, _labels(asked))
    if asked.closed:
        return _render(page, part, given, form), 409
    if not form.validate_on_submit():
        return _render(page, part, given, form), 422
    try:
        receipt = _submit(supply_id, asked, form)
    except Refused:
        # The window closed between the form and its answer: the page says so.
        return _render(page, _ask_form(session.fanout(), supply_id, service_id).part(), given, form), 409
    if receipt is None:
        return _render(page, part, given, form), 422
    return redirect(url_for("self_reading.receipt", supply_id=supply_id, number=receipt, new="yes"), 303)


@blueprint.get("/s/<supply_id>/self-reading/<number>")
@session.members_only
def receipt(supply_id: str, number: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    asked = page.fanout.ask(
        session.upstream().metering.ListSelfReadings,
        metering.ListSelfReadingsRequest(supply_id=supply_id, receipt=number),
        lambda answer: ReceiptView.of(answer.readings[0]),
    )
    found = asked.get()
    return page.render(
        "pages/self_reading_receipt.html",
        receipt=found,
        rows=[(_name(register, len(found.shown)), value) for register, value in found.shown],
        unit=shown_unit(found.unit),
        new=request.args.get("new") == "yes",
        own_photo=found.account_id == session.member().account_id,
    )


@blueprint.get("/s/<supply_id>/self-reading/<number>/photo")
@session.members_only
def photo(supply_id: str, number: str) -> ResponseReturnValue:
    """The photo of a receipt, drawn where browsers can and otherwise saved."""
    with remote():
        found = session.upstream().metering.GetSelfReadingPhoto(
            metering.GetSelfReadingPhotoRequest(supply_id=supply_id, receipt=number),
            timeout=SUBMIT_DEADLINE_S,
            metadata=session.member_metadata(),
        )
    suffix = _SUFFIXES.get(found.content_type)
    drawn = suffix is not None and suffix != "heic"
    name = f"{''.join(letter for letter in number if letter.isalnum() or letter == '-')}.{suffix or 'bin'}"
    return Response(
        found.content,
        content_type=found.content_type if suffix else "application/octet-stream",
        headers={
            "Content-Disposition": f'{"inline" if drawn else "attachment"}; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def register(app: Flask) -> None:
    """Words for the templates, and room for the photo: it must be made before form tokens are looked at, which reads all."""
    app.jinja_env.filters.update(whole=lambda value: formatting.number(value, locale()))
    app.jinja_env.globals.update(reading_tag=state_tag, reading_unit=shown_unit)

    @app.before_request
    def make_room() -> BaseResponse | None:
        if request.endpoint != "self_reading.give":
            return None
        if session.signed_in() is None:
            return session.to_sign_in()
        most = max_photo_mb()
        # A photo that is somewhat too large is read, so that the form can say so beside its field and keep the rest.
        request.max_content_length = 2 * most * MEGABYTE + FORM_BYTES
        if request.content_length is not None and request.content_length > request.max_content_length:
            return errors.page(413, too_large(most))
        return None


def max_photo_mb() -> int:
    """Megabytes that a photo may have, as the profile says."""
    return int(profile().section("self_reading").get("max_photo_mb", MAX_PHOTO_MB))


def too_large(megabytes: int) -> str:
    return _("The photo is larger than %(most)d MB: take it at a lower resolution.", most=megabytes)


def shown_unit(unit: str) -> str:
    """The unit as people write it."""
    return "m³" if unit == "m3" else unit


def _submit(supply_id: str, asked: FormView, form: SelfReadingForm) -> str | None:
    """The number of the receipt; None when the form now says what is wrong."""
    content, fits = form.photo_within(asked.max_photo_bytes)
    message = metering.SubmitSelfReadingRequest(
        supply_id=supply_id,
        service_id=asked.service_id,
        day=form.read_on().isoformat(),
        shown=[
            metering.SubmitSelfReadingRequest.Shown(register=name, value=value) for name, value in form.shown().items()
        ],
        photo=content,
        language=str(get_locale()),
    )
    # The same form with the same content is the same command, however often it is sent; corrected it is another one.
    content_key = hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()[:16]
    message.request_id = f"{request.form.get('form', '')[:36] or new_id()}-{content_key}"
    try:
        with remote():
            answer = session.upstream().metering.SubmitSelfReading(
                message, timeout=SUBMIT_DEADLINE_S, metadata=session.member_metadata()
            )
    except Invalid as objected:
        # Too large, the photo was not sent on: the service misses it and objects to everything else as well.
        form.object_to(objected, {} if fits else {"photo": too_large(asked.max_photo_bytes // MEGABYTE)})
        return None
    return str(answer.receipt)


def _render(
    page: SupplyPage, part: Part[FormView], given: Asked[list[ReceiptView]], form: SelfReadingForm | None
) -> str:
    supply, asked = page.supply(), part.value
    services = [one for one in supply.services if one.state != "ended" and one.id] if supply else []
    return page.render(
        "pages/self_reading.html",
        part=part,
        form=form,
        form_id=new_id(),
        services=services,
        given=given.part(),
        today=today(),
        names={one.name: _name(one.name, len(asked.registers)) for one in asked.registers} if asked else {},
        photo_again=form is not None and bool(form.errors) and bool(form.photo.data) and not form.photo.errors,
    )


def _ask_form(fanout: Fanout, supply_id: str, service_id: str) -> Asked[FormView]:
    return fanout.ask(
        session.upstream().metering.GetSelfReadingForm,
        metering.GetSelfReadingFormRequest(supply_id=supply_id, service_id=service_id, language=str(get_locale())),
        FormView.of,
    )


def _ask_given(fanout: Fanout, supply_id: str) -> Asked[list[ReceiptView]]:
    """Readings given before, newest first."""
    return fanout.ask(
        session.upstream().metering.ListSelfReadings,
        metering.ListSelfReadingsRequest(supply_id=supply_id, page_size=RECENT),
        lambda answer: [ReceiptView.of(one) for one in answer.readings],
    )


def _labels(asked: FormView) -> dict[str, str]:
    """ "Punta (P1), kWh": the name of each register with its unit, over its box."""
    unit = shown_unit(asked.unit)
    if len(asked.registers) == 1:
        return {asked.registers[0].name: _("What the meter shows, in %(unit)s", unit=unit)}
    return {one.name: f"{_name(one.name, len(asked.registers))}, {unit}" for one in asked.registers}


def _name(register: str, count: int) -> str:
    """ "Punta (P1)": the name that bills give a register, among so many of its meter."""
    if count == 1:
        return _("Reading")
    return f"{tariff_period(register)} ({register})" if count == 3 else register


def state_tag(state: str) -> tuple[str, str]:
    """A receipt's state in words, and the kind of its tag."""
    return {
        "replaced": (_("Replaced"), "plain"),
        "superseded": (_("Read since"), "plain"),
        "doubtful": (_("Being checked"), "due"),
    }.get(state, (_("Provisional"), "ok"))
