"""What members and the office see of consumption."""

from __future__ import annotations

from typing import Any

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.paging import decode_token, encode_token, page_size
from services.chassis.periods import DatePeriod
from services.chassis.profile import Profile
from services.metering.api.messages import day_of_token, instant, period, period_message, timestamp
from services.metering.api.part import Part
from services.metering.application.reading_list import ListedReading, list_readings
from services.metering.application.views import Day, Views
from services.metering.domain.estimation.validation import SENTENCES, Problem
from services.metering.domain.hours import hour_start
from services.metering.domain.register_closes import origin_word
from services.metering.words import Words, why_estimated


class ViewsApi(Part):
    """ListBilledPeriods, GetPublishedPeriods, GetCurve, ListReadings."""

    _profile: Profile
    _views: Views

    def ListBilledPeriods(
        self, request: pb.ListBilledPeriodsRequest, context: grpc.ServicerContext
    ) -> pb.ListBilledPeriodsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = self._views.billed_periods(
            caller(), request.supply_id, size, (day_of_token(after[0]), after[1]) if after else None
        )
        periods = [
            pb.BilledPeriod(
                period=period_message(DatePeriod(one.start, one.end)),
                invoice_id=one.invoice_id,
                invoice_number=one.number,
                import_wh=one.import_wh,
                hours_expected=one.hours_expected,
                hours_measured=one.hours_measured,
                hours_estimated=one.hours_estimated,
                hours_missing=one.hours_missing,
            )
            for one in found
        ]
        token = encode_token(found[-1].start.isoformat(), found[-1].invoice_id) if len(found) == size else ""
        return pb.ListBilledPeriodsResponse(periods=periods, next_page_token=token)

    def GetPublishedPeriods(
        self, request: pb.GetPublishedPeriodsRequest, context: grpc.ServicerContext
    ) -> pb.GetPublishedPeriodsResponse:
        found = self._views.published_periods(caller(), request.supply_id)
        publication = self._views.publication
        return pb.GetPublishedPeriodsResponse(
            periods=[period_message(one) for one in found], policy=publication.policy, from_day=publication.from_day
        )

    def GetCurve(self, request: pb.GetCurveRequest, context: grpc.ServicerContext) -> pb.GetCurveResponse:
        asked = period(request.period, "period")
        words = Words.of(request.language, self._profile)
        known_at = instant(request, "known_at")
        curve = self._views.curve(
            caller(), request.supply_id, asked, request.service_id, request.curve_version, known_at
        )
        return pb.GetCurveResponse(
            days=[_day(day) for day in curve.days],
            time_zone=curve.time_zone,
            tariff=curve.tariff,
            reasons=[why_estimated(reason, words) for reason in curve.reasons],
        )

    def ListReadings(self, request: pb.ListReadingsRequest, context: grpc.ServicerContext) -> pb.ListReadingsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = list_readings(
            self._database,
            caller(),
            request.supply_id,
            request.service_id,
            size,
            (day_of_token(after[0]), after[1]) if after else None,
        )
        words = Words.of(request.language, self._profile)
        last = found[-1].reading if len(found) == size else None
        return pb.ListReadingsResponse(
            readings=[reading_message(one, words) for one in found],
            next_page_token=encode_token(last.day.isoformat(), last.id) if last else "",
        )


def reading_message(listed: ListedReading, words: Words) -> pb.RegisterReading:
    """A reading as the interface tells it, with what speaks against it in the reader's language."""
    reading = listed.reading
    return pb.RegisterReading(
        id=reading.id,
        meter=reading.meter,
        day=reading.day.isoformat(),
        origin=origin_word(reading.origin),
        unit=reading.unit,
        registers=[
            pb.RegisterUse(register=one.register, initial=one.initial or 0, final=one.final, used=one.used)
            for one in listed.registers
        ],
        since=listed.since.isoformat() if listed.since else "",
        superseded=listed.superseded,
        findings=[finding_sentence(one, words) for one in reading.findings],
        doubtful=reading.doubtful,
        received_at=timestamp(reading.received_at),
        receipt=listed.receipt,
        service_id=listed.service_id,
    )


def finding_sentence(found: dict[str, Any], words: Words) -> str:
    """What validation found against a register reading, in words."""
    figures = {
        name: words.figure(value) if isinstance(value, int) else value for name, value in found["parameters"].items()
    }
    return words.say(SENTENCES[Problem(found["problem"])]).format(**figures)


def _day(day: Day) -> pb.DayCurve:
    return pb.DayCurve(
        day=day.day.isoformat(),
        hours_expected=day.hours_expected,
        hours=[
            pb.Hour(
                start=timestamp(hour_start(hour.start)),
                import_wh=hour.import_wh,
                export_wh=hour.export_wh,
                quality=pb.QUALITY_ESTIMATED if hour.estimated else pb.QUALITY_REAL,
                tariff_period=hour.tariff_period,
                method=hour.method,
                reason=hour.reason,
            )
            for hour in day.hours
        ],
    )
