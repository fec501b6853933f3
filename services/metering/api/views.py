"""What members and the office see of consumption."""

from __future__ import annotations

import grpc
from coop.common.v1 import types_pb2
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.paging import decode_token, encode_token, page_size
from services.metering.api.messages import day_of_token, period, timestamp
from services.metering.api.part import Part
from services.metering.application.views import Day, get_curve, list_billed_periods
from services.metering.domain.hours import hour_start


class ViewsApi(Part):
    """ListBilledPeriods, GetCurve."""

    def ListBilledPeriods(
        self, request: pb.ListBilledPeriodsRequest, context: grpc.ServicerContext
    ) -> pb.ListBilledPeriodsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = list_billed_periods(
            self._database, caller(), request.supply_id, size, (day_of_token(after[0]), after[1]) if after else None
        )
        periods = [
            pb.BilledPeriod(
                period=types_pb2.DatePeriod(start=one.start.isoformat(), end=one.end.isoformat()),
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

    def GetCurve(self, request: pb.GetCurveRequest, context: grpc.ServicerContext) -> pb.GetCurveResponse:
        asked = period(request.period, "period")
        curve = get_curve(self._database, self._time_zone, caller(), request.supply_id, asked)
        return pb.GetCurveResponse(
            days=[_day(day) for day in curve.days], time_zone=curve.time_zone, tariff=curve.tariff
        )


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
            )
            for hour in day.hours
        ],
    )
