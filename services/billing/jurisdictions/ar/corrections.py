"""What Argentina's law says of wrong bills: how far back, and which note corrects one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from services.billing.domain.regularisation import CorrectionLaw
from services.billing.jurisdictions.files import Source, read_all
from services.billing.jurisdictions.regularisation import rule

REGULARISATION = Source("corrections.toml", "regularisation", rule)
#: The tax office's codes of the notes of each class (WSFEv1): debit notes charge more, credit notes less.
DEBIT_NOTES = {"A": "002", "B": "007"}
CREDIT_NOTES = {"A": "003", "B": "008"}


def correction_law(folder: Path) -> CorrectionLaw:
    table = read_all(folder, REGULARISATION)[""]
    return CorrectionLaw(table, None, lambda name, _issued: name, note)


def note(number: str, series: str, difference: Decimal) -> str:
    """The sentence that says which document corrects a bill, and why it is not issued here."""
    letter = series.partition("-")[0]
    kind, codes = ("credit", CREDIT_NOTES) if difference < 0 else ("debit", DEBIT_NOTES)
    spanish = {"credit": "nota de crédito", "debit": "nota de débito"}[kind]
    return (
        f"Bill {number} is corrected by a {kind} note of its class, a {spanish} {letter} (code {codes[letter]}) that names it "
        "as the associated document. Such a note has a CAE of its own, and not the CESP of bills: issue it with the tax "
        "office's own tool, and discard the correction with the note's number as the reason."
    )
