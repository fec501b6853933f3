"""Energy owed by invitation codes on a bill: how it is asked for, how much the bill gave, and out of which rewards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from services.billing.domain.adjustments import BillTerms, Discount
from services.billing.domain.bill import BillLine
from services.billing.domain.planning import Segment

INVITATION = "invitation"


def invitation(segments: Sequence[Segment], owed_wh: int) -> tuple[Discount, ...]:
    """The discount that gives what is owed; none on a bill without electricity."""
    return promised(owed_wh) if any(segment.service == "electricity" for segment in segments) else ()


def promised(wh: int) -> tuple[Discount, ...]:
    """The discount of so much energy; none for nothing."""
    return (Discount(wh=wh, concept=INVITATION),) if wh > 0 else ()


def invited_wh(terms: BillTerms) -> int:
    """What a bill's terms ask for."""
    return sum(each.wh or 0 for each in terms.discounts if each.concept == INVITATION)


def given_wh(lines: Iterable[BillLine]) -> int:
    """What a bill gave of it."""
    return int(sum((line.quantity or 0) * 1000 for line in lines if line.concept == INVITATION))


def allocated(available: Mapping[str, int], wh: int) -> dict[str, int]:
    """`wh` taken from what is available, in its order; rewards that give nothing are not there."""
    taken: dict[str, int] = {}
    for reward_id, most in available.items():
        part = min(most, wh)
        if part > 0:
            taken[reward_id] = part
            wh -= part
    assert wh <= 0, "no bill gives more than is owed"
    return taken
