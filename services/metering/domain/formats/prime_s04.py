"""PRIME S04, monthly closes: besides the registers, the days they close and the highest quarter-hourly power of each period.

    <S04 Fhi="20150801000000000S" Fhf="20150901000000000S" Ctr="1" Pt="1" Mx="471" Fx="20150808130000000S">
      <Value AIa="134" .../><Value AIi="8" .../></S04>

``Fhi`` and ``Fhf``: first midnight and last; ``Mx``: watts, at ``Fx``. The incremental registers (suffix ``i``) are whole
kWh cut one by one: they say less than the difference of the absolute ones, and are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.metering.domain.formats.fields import whole
from services.metering.domain.formats.prime_closes import Kind, Part, Stamps, closes_dialect
from services.metering.domain.registers import MaximumPower


def _max_power(stamps: Stamps, parts: Mapping[int, Part]) -> tuple[MaximumPower, ...]:
    found = []
    for period, part in sorted(parts.items()):
        if period and "Mx" in part.attributes:
            watts = whole(f"Mx of Pt {period}", part.attributes["Mx"], 1, "a power is never negative")
            # Without any power there is no instant of it: meters write the first midnight, or FFFF, in its place.
            at = stamps.instant(part.attributes.get("Fx", "")) if watts else None
            found.append(MaximumPower(period, watts, at))
    return tuple(found)


DIALECT = closes_dialect("PRIME S04", Kind("S04", "Fhf", "Fhi", _max_power))
