"""What a file of hours is called and what it is, whoever asks for it."""

from __future__ import annotations

from datetime import datetime

from services.gateway.compose import csv_file, green_button
from services.gateway.compose.curves import CurveView
from services.gateway.compose.supplies import SupplyView

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xml": "application/atom+xml; charset=utf-8",
}


def identifier(supply: SupplyView) -> str:
    """The CUPS; the account number where there is none."""
    return supply.cups or supply.account_number


def text_file(curve: CurveView, supply: SupplyView, form: str, made_at: datetime) -> str:
    """The distributors' CSV ("csv") or Green Button XML ("xml")."""
    if form == "csv":
        return "".join(csv_file.rows(curve, identifier(supply)))
    return green_button.feed(curve, identifier(supply), made_at)


def headers(curve: CurveView, supply: SupplyView, form: str) -> dict[str, str]:
    """The headers of a download: "ES0575000000000877HA_2026-10-01_2026-10-31.csv"."""
    shown = curve.shown
    name = f"{identifier(supply).replace('/', '-')}_{shown[0].day}_{shown[-1].day}.{form}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
