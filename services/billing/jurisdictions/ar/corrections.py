"""What Argentina's law says of wrong bills: how far back, and which note corrects one."""

from __future__ import annotations

from decimal import Decimal

from services.billing.domain.fiscal.cae import CREDIT_NOTES, DEBIT_NOTES
from services.billing.domain.rectifying import DIFFERENCE
from services.billing.domain.regularisation import CorrectionLaw, Numbering
from services.billing.jurisdictions.files import Source
from services.billing.jurisdictions.law_book import LawBook
from services.billing.jurisdictions.regularisation import rule

REGULARISATION = Source("corrections.toml", "regularisation", rule)


def correction_law(law: LawBook) -> CorrectionLaw:
    """A note says the difference alone, has the class of its bill and is numbered by class and point of sale."""
    table = law.tables(REGULARISATION)[""]
    return CorrectionLaw(table, None, series, highest_interest=Decimal(5), methods=(DIFFERENCE,), elsewhere=note)


def series(wanted: Numbering) -> str:
    """ "B-NC-00003": class, credit or debit note, point of sale (numbers are correlative for each of the three)."""
    letter = wanted.rectified_series.partition("-")[0]
    return f"{letter}-{'NC' if wanted.difference < 0 else 'ND'}-{wanted.point_of_sale:05d}"


def note(number: str, series: str, difference: Decimal) -> str:
    """The sentence that says which document corrects a bill, where nobody is asked for its code."""
    letter = series.partition("-")[0]
    kind, codes = ("credit", CREDIT_NOTES) if difference < 0 else ("debit", DEBIT_NOTES)
    spanish = {"credit": "nota de crédito", "debit": "nota de débito"}[kind]
    return (
        f"Bill {number} is corrected by a {kind} note of its class, a {spanish} {letter} (code {codes[letter]}) that names it "
        "as the associated document. Such a note has a CAE of its own, and not the CESP of bills: name a cae_provider in "
        "coop.toml [fiscal], or issue it with the tax office's own tool and discard the correction with the note's number "
        "as the reason."
    )
