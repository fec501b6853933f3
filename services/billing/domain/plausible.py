"""Energy that no supply can have used, whatever metering says: a bill of it is held, and its neighbours are not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from services.billing.domain.bill import Energy
from services.billing.domain.planning import HeldBill, Segment

#: More energy than this many times what the contracted power takes in all hours is absurd: fuses and breakers are long gone.
MOST_HOURS_OF_POWER = 10


def check_plausible(segments: Sequence[Segment], energy: Energy) -> None:
    """Raises HeldBill (ABSURD_ENERGY) for the energy of one service over all its segments of a bill.

    Below zero in any tariff period, taken or fed in; taken beyond MOST_HOURS_OF_POWER, where a power is contracted.
    """
    contract = segments[-1].contract
    for period, each in energy.by_period.items():
        wh, what = min((each.import_wh, "taken"), (each.export_wh, "fed in"))
        if wh < 0:
            raise HeldBill(
                "ABSURD_ENERGY",
                f"The curve of contract {contract.number} has {_kwh(wh)} kWh {what} in {period}, and nobody uses less than "
                "nothing: correct its readings and run the month again.",
                contract.id,
            )
    watts = max(segment.contract.highest_power_w for segment in segments)
    if watts and energy.import_wh > MOST_HOURS_OF_POWER * watts * energy.hours_expected:
        raise HeldBill(
            "ABSURD_ENERGY",
            f"The curve of contract {contract.number} has {_kwh(energy.import_wh)} kWh in {energy.hours_expected} hours, more "
            f"than {MOST_HOURS_OF_POWER} times what its {Decimal(watts) / 1000:f} kW take in all of them: look for a wrong unit "
            "or multiplier, correct its readings and run the month again.",
            contract.id,
        )


def _kwh(wh: int) -> str:
    return f"{(Decimal(wh) / 1000).normalize():,f}"
