"""What Spain's law says of wrong invoices, read from legal_interest.toml."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from services.billing.domain.regularisation import CorrectionLaw, Numbering
from services.billing.domain.rows import ratio
from services.billing.jurisdictions.es.tables import FOLDER
from services.billing.jurisdictions.files import Source
from services.billing.jurisdictions.law_book import LawBook
from services.billing.jurisdictions.regularisation import rule


def _rate(row: Mapping[str, Any], place: str) -> Decimal:
    return ratio(row, "percent", place)


LEGAL_INTEREST = Source("legal_interest.toml", "legal_interest", _rate)
REGULARISATION = Source("legal_interest.toml", "regularisation", rule)
SOURCES = (LEGAL_INTEREST, REGULARISATION)


def correction_law(law: LawBook = LawBook(FOLDER)) -> CorrectionLaw:
    rules, legal_interest = law.tables(REGULARISATION)[""], law.tables(LEGAL_INTEREST)[""]
    return CorrectionLaw(rules, legal_interest, _series, highest_interest=Decimal("0.25"))


def _series(wanted: Numbering) -> str:
    """A series of their own, and one for each year: "R-2026"."""
    return f"{wanted.name}-{wanted.issued.year}"
