"""Figures beside the limit they are held to."""

from __future__ import annotations


def at_least(measured: float, limit: float) -> dict[str, float]:
    """A figure that must not fall below its limit."""
    return {"measured": measured, "at_least": limit}


def at_most(measured: float, limit: float) -> dict[str, float]:
    """A figure that must not exceed its limit."""
    return {"measured": measured, "at_most": limit}
