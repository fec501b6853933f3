"""Metering's schema, by theme."""

from services.metering.tables.base import CurveKey, metadata
from services.metering.tables.billed import billed_period, billed_register, reading_correction
from services.metering.tables.curves import (
    day_curve,
    day_curve_history,
    day_quarters,
    kept_quarters,
    kept_reading,
    revision,
)
from services.metering.tables.estimates import (
    estimated_day,
    estimated_day_history,
    estimation,
    estimation_due,
    load_profile,
)
from services.metering.tables.imports import quarantined_row, readings_import
from services.metering.tables.registers import acceptance, register_reading, self_reading
from services.metering.tables.sharing import sharing_agreement, sharing_participant
from services.metering.tables.supplies import (
    contract_tariff,
    measuring_point,
    meter,
    meter_assignment,
    supply,
    supply_access,
)

__all__ = [
    "CurveKey",
    "acceptance",
    "billed_period",
    "billed_register",
    "contract_tariff",
    "day_curve",
    "day_curve_history",
    "day_quarters",
    "estimated_day",
    "estimated_day_history",
    "estimation",
    "estimation_due",
    "kept_quarters",
    "kept_reading",
    "load_profile",
    "measuring_point",
    "metadata",
    "meter",
    "meter_assignment",
    "quarantined_row",
    "reading_correction",
    "readings_import",
    "register_reading",
    "revision",
    "self_reading",
    "sharing_agreement",
    "sharing_participant",
    "supply",
    "supply_access",
]
