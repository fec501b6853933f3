"""Bills unlike those that the same supply had before: the office looks at them before they are issued."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from services.billing.domain.bill import Bill
from services.billing.domain.planning import HeldBill, Segment

UNUSUAL_TOTAL, NO_ENERGY, NEGATIVE_TOTAL = "UNUSUAL_TOTAL", "NO_ENERGY", "NEGATIVE_TOTAL"
OUTLIERS = frozenset({UNUSUAL_TOTAL, NO_ENERGY, NEGATIVE_TOTAL})
#: Invoices of the year before that it takes to say what is usual; fewer say nothing.
LEAST_INVOICES = 3


@dataclass(frozen=True)
class PastBill:
    """The service's invoice of the month that begins on `month`: its total, and the electricity on it in Wh."""

    month: date
    total: Decimal
    import_wh: int


def check_outlier(
    bill: Bill, segments: Sequence[Segment], past: Iterable[PastBill], times: Decimal, released: AbstractSet[str]
) -> None:
    """Raises HeldBill when the total is negative or more than `times` the usual one, or when a supply that usually uses
    electricity used none; never for a reason that is `released`.

    Usual is the median of `past`, the invoices of the twelve months before: one wrong invoice does not move it.
    """
    contract = segments[0].contract
    before = list(past)

    def hold(reason: str, sentence: str) -> None:
        if reason not in released:
            advice = "Check it, then correct what is wrong or release the bill."
            raise HeldBill(reason, f"Contract {contract.number} {sentence} {advice}", contract.id)

    if bill.total < 0:
        hold(NEGATIVE_TOTAL, f"comes to {bill.total:.2f}, less than nothing.")
    if len(before) < LEAST_INVOICES:
        return
    of_months = f"in the {len(before)} months billed since {min(each.month for each in before):%Y-%m}"
    usual_total = median(each.total for each in before)
    if 0 < usual_total * times < bill.total:
        hold(
            UNUSUAL_TOTAL,
            f"comes to {bill.total:.2f}, more than {times:f} times the {usual_total:.2f} that are usual ({of_months}).",
        )
    usual_wh = int(median(each.import_wh for each in before))
    by_curve = any(each.service == "electricity" and each.metered and not each.by_register for each in segments)
    if by_curve and usual_wh > 0 and bill.energy["electricity"].import_wh == 0:
        hold(NO_ENERGY, f"used no electricity, and {Decimal(usual_wh) / 1000:f} kWh are usual ({of_months}).")
