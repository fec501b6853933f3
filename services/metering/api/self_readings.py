"""Members' own readings: the form, taking one, receipts and photos."""

from __future__ import annotations

from datetime import date, datetime

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid, Refused, Violation
from services.chassis.paging import decode_token, encode_token, page_size
from services.chassis.periods import parse_date
from services.chassis.profile import Profile
from services.metering.api.messages import timestamp
from services.metering.api.part import Part
from services.metering.application.receipts import Receipt
from services.metering.application.self_readings import Form, Given, ReadingClosed, ReadingObjected, SelfReadings
from services.metering.domain.estimation.self_reading import CLOSED
from services.metering.words import Words


class SelfReadingsApi(Part):
    """GetSelfReadingForm, SubmitSelfReading, ListSelfReadings, GetSelfReadingPhoto."""

    _profile: Profile
    _self_readings: SelfReadings

    def GetSelfReadingForm(
        self, request: pb.GetSelfReadingFormRequest, context: grpc.ServicerContext
    ) -> pb.GetSelfReadingFormResponse:
        form = self._self_readings.form(caller(), request.supply_id, request.service_id)
        return _form(form, Words.of(request.language, self._profile))

    def SubmitSelfReading(
        self, request: pb.SubmitSelfReadingRequest, context: grpc.ServicerContext
    ) -> pb.SubmitSelfReadingResponse:
        words = Words.of(request.language, self._profile)
        given = Given(
            supply_id=request.supply_id,
            service_id=request.service_id,
            day=_day(request.day),
            shown={one.register: one.value for one in request.shown},
            photo=request.photo,
        )
        try:
            taken = self._self_readings.submit(caller(), RequestKey.of("SubmitSelfReading", request), given)
        except ReadingObjected as refused:
            violations = [Violation(one.part, one.sentence(words.say, words.figure)) for one in refused.found]
            reasons = {f"reason_{one.part}": one.objection.value for one in refused.found}
            sentences = " ".join(violation.description for violation in violations)
            raise Invalid(sentences, "SELF_READING", violations=violations, **reasons) from refused
        except ReadingClosed as closed:
            figures = {name: words.figure(value) for name, value in closed.figures.items()}
            raise Refused(words.say(CLOSED[closed.closed]).format(**figures), "SELF_READING_CLOSED") from closed
        return pb.SubmitSelfReadingResponse(
            receipt=taken.row.receipt,
            reading_id=taken.row.reading_id,
            received_at=timestamp(taken.row.received_at),
        )

    def ListSelfReadings(
        self, request: pb.ListSelfReadingsRequest, context: grpc.ServicerContext
    ) -> pb.ListSelfReadingsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = self._self_readings.receipts.page(
            caller(),
            request.supply_id,
            request.receipt,
            size,
            (_instant_of_token(after[0]), after[1]) if after else None,
        )
        token = ""
        if len(found) == size and not request.receipt:
            token = encode_token(found[-1].row.received_at.isoformat(), found[-1].row.id)
        return pb.ListSelfReadingsResponse(readings=[_receipt(one) for one in found], next_page_token=token)

    def GetSelfReadingPhoto(
        self, request: pb.GetSelfReadingPhotoRequest, context: grpc.ServicerContext
    ) -> pb.GetSelfReadingPhotoResponse:
        photo = self._self_readings.receipts.photo(caller(), request.supply_id, request.receipt)
        return pb.GetSelfReadingPhotoResponse(content_type=photo.media_type, content=photo.content)


def _form(form: Form, words: Words) -> pb.GetSelfReadingFormResponse:
    closed = ""
    if form.closed is not None:
        figures = {name: words.figure(value) for name, value in form.figures.items()}
        closed = words.say(CLOSED[form.closed]).format(**figures)
    return pb.GetSelfReadingFormResponse(
        service_id=form.service_id,
        meter=form.meter,
        unit=form.unit,
        registers=[
            pb.SelfReadingRegister(register=register, last_real=last)
            for register, last in zip(form.registers, form.last_real, strict=True)
        ],
        last_real_day=form.last_day.isoformat() if form.last_day else "",
        digits=form.digits,
        last_billed_day=form.last_billed.isoformat() if form.last_billed else "",
        latest_day=form.window.latest.isoformat(),
        closed=closed,
        max_photo_bytes=form.max_photo_bytes,
    )


def _receipt(receipt: Receipt) -> pb.SelfReadingReceipt:
    row = receipt.row
    return pb.SelfReadingReceipt(
        receipt=row.receipt,
        supply_id=row.supply_id,
        service_id=row.service_id,
        account_number=row.account_number,
        meter=row.meter,
        day=row.read_on.isoformat(),
        unit=receipt.unit,
        shown=[pb.SubmitSelfReadingRequest.Shown(register=register, value=value) for register, value in row.shown],
        received_at=timestamp(row.received_at),
        photo_type=row.photo_type,
        state=receipt.state,
        account_id=row.account_id,
        enters_cycle=receipt.cycle.isoformat(),
    )


def _day(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"day: {wrong}.", "DATE_MALFORMED", field="day") from wrong


def _instant_of_token(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            "page_token is not one of ours: use the next_page_token of the page before.", "PAGE_TOKEN"
        ) from None
