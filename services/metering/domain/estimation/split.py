"""Sharing whole Wh out in proportion to weights, so that the shares add up to the total exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SAFE_BITS = 61
"""Products of 64-bit integers up to this many bits, doubled, still fit."""


def spread(total: int, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """``total`` Wh over ``weights`` (n,): each share rounded half-up, the remainder carried to the next one.

    The carry is exact: shares are the differences of the rounded running sum, so none is negative, each is within 1 Wh of
    its proportion and their sum is ``total``. All weights zero share evenly. ValueError for a negative total or weight, and
    for energy that has nowhere to go.
    """
    if total < 0:
        raise ValueError(f"{total:,} Wh cannot be shared out: the energy is negative.")
    if not len(weights):
        if total:
            raise ValueError(f"{total:,} Wh cannot be shared out: there is no hour to take them.")
        return np.zeros(0, np.int64)
    if weights.min() < 0:
        raise ValueError(f"{int(weights.min())} is no weight: weights are zero or more.")
    if not weights.any():
        weights = np.ones(len(weights), np.int64)
    bits = total.bit_length() + int(weights.max()).bit_length() + len(weights).bit_length()
    upto = np.cumsum(weights if bits <= _SAFE_BITS else weights.astype(object))
    whole = upto[-1]
    return np.diff((2 * total * upto + whole) // (2 * whole), prepend=0).astype(np.int64)


def half_up(numerator: int, denominator: int) -> int:
    """A quotient of non-negative integers, rounded half-up."""
    return (2 * numerator + denominator) // (2 * denominator)
