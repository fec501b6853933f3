"""Shared self-consumption (RD 244/2019, annex I): each hour's net generation between the participants, and what each of
them uses of its share, takes from the grid and feeds in.

Everything is whole Wh. It is computed hour by hour, never on sums of months: what one hour has left over does not cover
what another one lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Shared:
    """Wh of n hours (rows) and k participants (columns): share = own + surplus, and consumption = own + grid."""

    share: NDArray[np.int64]
    own: NDArray[np.int64]
    grid: NDArray[np.int64]
    surplus: NDArray[np.int64]


def share_out(generation: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, k) Wh of each participant; every row sums to the hour's generation.

    `generation` is (n,) Wh; `weights` whole numbers in proportion to the coefficients, (k,) for all hours or (n, k).
    The Wh that rounding down leaves go to the largest remainders, the first of equal ones. ValueError when an hour has a
    negative generation or weight, or no weight at all.
    """
    each = np.broadcast_to(weights, (len(generation), weights.shape[-1])).astype(np.int64)
    total = each.sum(axis=1)
    if (generation < 0).any() or (each < 0).any() or (total <= 0).any():
        raise ValueError("generation and weights must not be negative, and an hour needs a weight above zero.")
    whole, remainder = np.divmod(generation[:, None] * each, total[:, None])
    left = generation - whole.sum(axis=1)
    by_remainder = np.argsort(-remainder, axis=1, kind="stable")
    rank = np.argsort(by_remainder, axis=1, kind="stable")
    return whole + (rank < left[:, None])


def settle(consumption: NDArray[np.int64], share: NDArray[np.int64]) -> Shared:
    """What of each share is used in its own hour; both are (n, k) Wh."""
    own = np.minimum(consumption, share)
    return Shared(share, own, consumption - own, share - own)
