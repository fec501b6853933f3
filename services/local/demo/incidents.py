"""What goes wrong in a month of readings, because in the field something always does.

Chosen from a seed per month, never among the three members the demonstration is told through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

DOUBTFUL = ("02", "10", "40")
"""Quality bits 1 (intrusion), 4 (clock set) and 6 (clock out of sync): not invalid, but not plain either."""


@dataclass
class Incidents:
    """Which hours (by index in the month) of which supply (by account number) are touched."""

    missing: dict[str, set[int]] = field(default_factory=dict)
    doubtful: dict[str, dict[int, str]] = field(default_factory=dict)
    #: Rows that metering must refuse: stamp (empty = the hour's own), energy and quality as written.
    impossible: dict[str, dict[int, tuple[str, str, str]]] = field(default_factory=dict)
    #: Supplies whose meter did not answer; their readings come in a later report.
    silent: list[str] = field(default_factory=list)
    #: Supplies whose hours are so many times the usual ones: a fault in the house, or an error.
    multiplied: dict[str, int] = field(default_factory=dict)
    #: A supply with too many hours missing to be billed.
    broken: str = ""

    def touch(self, account: str) -> bool:
        """Whether anything happened to the supply."""
        hours = (self.missing, self.doubtful, self.impossible, self.multiplied)
        return account in self.silent or account == self.broken or any(account in found for found in hours)


def of_month(seed: str, order: int, newest: bool, accounts: list[str], hours: int) -> Incidents:
    """The incidents of one month. `order` counts the months from 0; `hours` is how many the month has."""
    rng = Random(f"{seed}/incidents/{order}")
    chosen = rng.sample(accounts, 8)
    incidents = Incidents()
    for account in chosen[:2]:
        start, length = rng.randrange(hours - 6), rng.randint(1, 5)
        incidents.missing[account] = set(range(start, start + length))
    for account in chosen[2:5]:
        first = rng.randrange(hours - 3)
        incidents.doubtful[account] = {first + step: rng.choice(DOUBTFUL) for step in range(rng.randint(1, 3))}
    if order % 2 == 1:
        incidents.impossible[chosen[5]] = {
            rng.randrange(hours // 2): ("FFFFFFFFFFFFFFFFFW", "0", "00"),
            hours // 2 + rng.randrange(hours // 4): ("", "-120", "00"),
            hours - 1 - rng.randrange(hours // 5): ("", "250", "80"),
        }
    if order % 4 == 2:
        incidents.impossible[chosen[6]] = {
            rng.randrange(hours // 2): ("00150101010000000W", "90", "00"),
            hours // 2 + rng.randrange(hours // 3): ("", "16777215", "00"),
        }
    if order % 5 == 4 or newest:
        incidents.silent.append(chosen[7])
    if newest:
        incidents.broken = chosen[6]
        incidents.missing[chosen[6]] = set(range(hours // 3, hours // 3 + 220))
    return incidents
