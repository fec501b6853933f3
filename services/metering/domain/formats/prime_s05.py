"""PRIME S05, daily closes: the registers of every midnight (``Fh``)."""

from __future__ import annotations

from services.metering.domain.formats.prime_closes import Kind, closes_dialect

DIALECT = closes_dialect("PRIME S05", Kind("S05", "Fh", "", lambda stamps, parts: ()))
