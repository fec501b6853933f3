"""Estimates: making them, explaining them, and the profiles they rest on."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid
from services.chassis.periods import parse_date
from services.metering.api.messages import instant, period, period_message, timestamp
from services.metering.api.part import Part
from services.metering.application import load_profiles
from services.metering.application.estimates import Estimated, Estimator
from services.metering.application.explain import ExplainedHour, Explanation, Source, Version, explain_day
from services.metering.application.load_profiles import ListedProfile
from services.metering.domain.estimation.explain import Reason
from services.metering.domain.estimation.historical_mean import Usual
from services.metering.domain.hours import hour_start
from services.metering.domain.readings import MISSING
from services.metering.words import Words, what_was_done


class EstimatesApi(Part):
    """EstimateCurves, GetCurveExplanation, UploadLoadProfile, GetLoadProfiles."""

    _estimator: Estimator

    def EstimateCurves(
        self, request: pb.EstimateCurvesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.EstimateCurvesResponse]:
        # Made again an estimation changes nothing, so the request id needs no memory; that there is one is the contract.
        RequestKey.of("EstimateCurves", request)
        words = Words.of("", self._profile)
        days = period(request.period, "period")
        for found in self._estimator.run(days, list(request.supply_ids), request.dry_run, caller().actor):
            yield _estimated(found, words)

    def GetCurveExplanation(
        self, request: pb.GetCurveExplanationRequest, context: grpc.ServicerContext
    ) -> pb.GetCurveExplanationResponse:
        try:
            day = parse_date(request.day)
        except ValueError as wrong:
            raise Invalid(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.", field="day") from wrong
        known_at = instant(request, "known_at")
        found = explain_day(
            self._database, self._time_zone, caller(), request.supply_id, day, request.service_id, known_at
        )
        return _explanation(found, Words.of(request.language, self._profile))

    def UploadLoadProfile(
        self, request: pb.UploadLoadProfileRequest, context: grpc.ServicerContext
    ) -> pb.UploadLoadProfileResponse:
        key = RequestKey.of("UploadLoadProfile", request)
        if not request.file_name.strip():
            raise Invalid("file_name is empty: say which file this is.", field="file_name")
        kept, refused = load_profiles.upload(
            self._database, key, request.file_name.strip(), request.content, caller().actor
        )
        return pb.UploadLoadProfileResponse(
            profiles=[_profile(one) for one in kept],
            refused=[pb.RefusedRow(line=one.line, value=one.value, reason=one.reason) for one in refused],
        )

    def GetLoadProfiles(
        self, request: pb.GetLoadProfilesRequest, context: grpc.ServicerContext
    ) -> pb.GetLoadProfilesResponse:
        return pb.GetLoadProfilesResponse(profiles=[_profile(one) for one in load_profiles.every(self._database)])


def _estimated(found: Estimated, words: Words) -> pb.EstimateCurvesResponse:
    return pb.EstimateCurvesResponse(
        supply_id=found.point.supply_id,
        service_id=found.point.service_id,
        account_number=found.account_number,
        hours_estimated=found.hours,
        import_wh_measured=found.measured_wh,
        import_wh_after=found.after_wh,
        reasons=[_reason(reason, words) for reason in found.reasons],
        problem=found.problem,
    )


def _reason(reason: Reason, words: Words) -> pb.EstimateReason:
    message = pb.EstimateReason(
        sentence=what_was_done(reason, words),
        days=period_message(reason.days),
        tariff_period=reason.tariff_period,
        method=reason.method,
    )
    message.case = reason.case.value
    return message


def _explanation(found: Explanation, words: Words) -> pb.GetCurveExplanationResponse:
    return pb.GetCurveExplanationResponse(
        supply_id=found.point.supply_id,
        account_number=found.account_number,
        day=found.day.isoformat(),
        time_zone=found.time_zone,
        hours=[_hour(hour, words) for hour in found.hours],
        reasons=[_reason(reason, words) for reason in found.reasons],
    )


def _hour(hour: ExplainedHour, words: Words) -> pb.ExplainedHour:
    versions = [_version(one, words) for one in hour.versions]
    return pb.ExplainedHour(
        start=timestamp(hour_start(hour.start)),
        tariff_period=hour.tariff_period,
        now=versions[-1] if versions and not versions[-1].missing else None,
        versions=versions,
        reason=what_was_done(hour.reason, words) if hour.reason else "",
        usual=_usual(hour.usual) if hour.usual else None,
        unusual=hour.unusual,
        shared=pb.SharedHour(**vars(hour.shared)) if hour.shared else None,
        quarters_wh=hour.quarters_wh,
    )


def _usual(usual: Usual) -> pb.UsualEnergy:
    return pb.UsualEnergy(mean_wh=usual.mean, low_wh=usual.low, high_wh=usual.high)


def _version(version: Version, words: Words) -> pb.HourVersion:
    return pb.HourVersion(
        known_at=timestamp(version.source.known_at),
        import_wh=version.import_wh,
        export_wh=version.export_wh,
        method=version.method,
        source=_source(version.source, words),
        missing=version.method == MISSING,
        actor=version.source.actor,
    )


def _source(source: Source, words: Words) -> str:
    """The file by its name; an act of ours in words."""
    if source.file_name:
        return source.file_name
    return words.say(source.act).format(actor=source.actor, reason=source.reason)


def _profile(one: ListedProfile) -> pb.LoadProfile:
    return pb.LoadProfile(
        id=one.id,
        tariff=one.tariff,
        file_name=one.file_name,
        sha256=one.sha256,
        coefficients=one.coefficients,
        actor=one.actor,
        uploaded_at=timestamp(one.uploaded_at) if one.uploaded_at else None,
        in_force=one.in_force,
        sample=one.sample,
    )
