"""The rules of each country: dated tables as data, and one small policy that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.billing.jurisdictions.country import Jurisdiction
from services.chassis.errors import Invalid


def jurisdiction(code: str, options: Mapping[str, Any] | None = None, own: Path | None = None) -> Jurisdiction:
    """The rules of "es" or "ar"; `options` are the profile's [billing] switches that a country's policy knows, `own` the
    profile's law.toml. Invalid when one of the dated tables is wrong.
    """
    if code == "es":
        from services.billing.jurisdictions.es.policy import spain

        return spain(options or {}, own)
    if code == "ar":
        from services.billing.jurisdictions.ar.policy import argentina

        return argentina(options or {}, own)
    raise Invalid(f"The jurisdiction {code!r} is not known; use es or ar.", field="jurisdiction")
