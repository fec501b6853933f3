"""A row of a country's rules of correcting bills, read alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.billing.domain.regularisation import RegularisationRule
from services.billing.domain.rows import decimal


def rule(row: Mapping[str, Any], place: str) -> RegularisationRule:
    return RegularisationRule(
        decimal(row, "interest_points", place) / 100,
        int(decimal(row, "claim_months", place)),
        int(decimal(row, "most_instalments", place)),
        int(decimal(row, "rectify_years", place)),
    )
