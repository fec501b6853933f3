"""Quarters of an hour: which supplies have them, and how good the hour is that four of them make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import QUARTERS
from services.metering.domain.readings import DOUBTFUL, REAL

QUARTERS_SHARE = 4
"""One row in this many with a stamp within the hour makes a curve of quarters (in a whole one, three in four are)."""

_WORST_FIRST = np.zeros(256, np.int64)
_WORST_FIRST[DOUBTFUL] = 1
"""Rank of the codes when quarters are summed: an hour is as good as its worst quarter (a doubt counts before method 2)."""
_WORST_FIRST[2:8] = np.arange(2, 8)


def by_quarters(owner: NDArray[np.integer], last_quarter: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Of each row (n,), whether its owner has quarters: stamps within the hour more often than now and then."""
    within = last_quarter % QUARTERS != QUARTERS - 1
    share = np.bincount(owner, within) * QUARTERS_SHARE > np.bincount(owner)
    return share[owner]  # type: ignore[no-any-return]


def worst_quality(quality: NDArray[np.uint8], begins: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The code of each hour; ``begins`` says at which quarter each hour begins."""
    rank = np.maximum.reduceat(_WORST_FIRST[quality], begins)
    return np.where(rank == 0, REAL, np.where(rank == 1, DOUBTFUL, rank)).astype(np.uint8)
