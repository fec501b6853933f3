"""What differs between countries: documents, tariffs, conditions, zones. One module each, chosen by the profile."""

from services.supplies.domain.jurisdictions.argentina import Argentina
from services.supplies.domain.jurisdictions.base import Jurisdiction
from services.supplies.domain.jurisdictions.spain import Spain

_KNOWN: dict[str, type[Jurisdiction]] = {"es": Spain, "ar": Argentina}


def jurisdiction(code: str, *, tariff_zone: str, time_zone: str) -> Jurisdiction:
    """The rules of a country for a cooperative whose profile names ``tariff_zone`` and ``time_zone``."""
    if code not in _KNOWN:
        raise ValueError(f"jurisdiction {code!r} is unknown: known are {', '.join(_KNOWN)}")
    return _KNOWN[code](tariff_zone=tariff_zone, time_zone=time_zone)


__all__ = ["Jurisdiction", "jurisdiction"]
