"""Households as meters record them: the same spread of widths, standby, bursts and reactive energy as in a real report.

Drawn so that an hour takes the bits that an hour of a real S02 report takes (import some 10.4, R1 9, R4 5.5 a supply on
average); a prettier curve would pack smaller and prove nothing.
"""

import numpy as np
from numpy.typing import NDArray

_ACTIVE = np.array([2, 1, 1, 1, 1, 2, 4, 7, 7, 5, 5, 5, 6, 8, 7, 5, 4, 4, 6, 8, 9, 9, 7, 4]) / 16


def hourly_loads(first: int, count: int, hours: int) -> NDArray[np.int64]:
    """Import, R1 and R4 (count, hours, 3) in Wh and varh of supplies ``first`` on; the same numbers, the same loads."""
    return np.stack([_load(number, hours) for number in range(first, first + count)])


def _load(number: int, hours: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(number)
    standby = rng.lognormal(5.1, 0.6)
    of_day = _ACTIVE[np.arange(hours) % 24]
    busy = rng.random(hours) < of_day
    burst = busy * rng.exponential(rng.lognormal(6.0, 0.4), hours)
    imported = standby * rng.uniform(0.8, 1.2, hours) + burst
    inductive = standby * rng.uniform(0.1, 1.0) * rng.uniform(0.8, 1.2, hours) + burst * rng.uniform(0.1, 0.5, hours)
    capacitive = rng.choice([0, 4, 16, 60, 120]) * rng.uniform(0, 1, hours) * (burst < standby)
    return np.minimum(np.stack([imported, inductive, capacitive], axis=1), 15_000).astype(np.int64)
