"""Bills that somebody looks at before they are issued: held with a reason that the office may release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from services.billing.domain.bill import Bill, Energy
from services.billing.domain.closes import days_of
from services.billing.domain.dated import DatedTable
from services.billing.domain.outliers import OUTLIERS
from services.billing.domain.planning import HeldBill, Segment
from services.billing.domain.season_average import Average, Billed, Presumption, average, months_of
from services.billing.domain.taxes import percent
from services.billing.domain.uncontracted import DAYS_WITHOUT_CONTRACT
from services.chassis.money import round_half_up

PRESUMED_ERROR = "PRESUMED_ERROR"
#: Reasons of a held bill that a decision of the office settles; the others need other facts.
RELEASABLE = frozenset({PRESUMED_ERROR, DAYS_WITHOUT_CONTRACT}) | OUTLIERS

Presumptions = Mapping[str, DatedTable[Presumption]]


def months_to_compare(presumptions: Presumptions, month: date) -> set[date]:
    """First days of the months whose bills say what is usual in `month`."""
    found = (table.find(month) for table in presumptions.values())
    return {each for presumption in found if presumption for each in months_of(presumption.basis, month)}


def check_usual(
    bill: Bill, segments: Sequence[Segment], presumptions: Presumptions, history: Mapping[str, Iterable[Billed]]
) -> None:
    """Raises HeldBill (PRESUMED_ERROR) when a service used more than the law lets pass for usual.

    `history` is what was billed of each service in `months_to_compare`.
    """
    month = bill.period.start.replace(day=1)
    for service, energy in bill.energy.items():
        presumption = presumptions[service].find(month) if service in presumptions else None
        if presumption is None:
            continue
        used, days = used_of(service, energy)
        usual = average(history.get(service, ()), presumption.basis, month, days)
        if usual is not None and usual.exceeded_by(used, presumption.excess_percent):
            contract = [segment.contract for segment in segments if segment.service == service][-1]
            sentence = _sentence(service, contract.number, (used, days), usual, presumption)
            raise HeldBill(PRESUMED_ERROR, sentence, contract.id)


def used_of(service: str, energy: Energy) -> tuple[int, int]:
    """Thousandths of kWh or m³ billed of a service, and the days over which they were used."""
    if service == "water":
        return sum(close.used for close in energy.closes), days_of(energy.closes)
    return energy.import_wh, int(round_half_up(Decimal(energy.hours_expected) / 24, 0))


def _sentence(
    service: str, contract: str, consumption: tuple[int, int], usual: Average, presumption: Presumption
) -> str:
    used, days = consumption
    unit = "m³" if service == "water" else "kWh"
    ratio = round_half_up(Decimal(used) / usual.rounded - 1, 3) if usual.rounded else None
    more = f"{percent(ratio)} % more than" if ratio is not None else "against"
    months = ", ".join(f"{month:%Y-%m}" for month in usual.months)
    return (
        f"Contract {contract} used {_units(used)} {unit} in {days} days, {more} the {_units(usual.rounded)} {unit} that are "
        f"usual there (average of {months}). Above {presumption.excess_percent} % an error is presumed "
        f"({presumption.source}) and the holder may pay the average: check the reading, then correct it or release the bill."
    )


def _units(thousandths: int) -> str:
    return f"{(Decimal(thousandths) / 1000).normalize():,f}"
