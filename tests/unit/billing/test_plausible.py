"""Energy that cannot be is held by name, and what merely is much is billed."""

import pytest

from services.billing.domain.bill import Energy, PeriodEnergy
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.plausible import check_plausible
from tests.unit.billing.examples import BILL_A, OCTOBER, argentine_supply, book, energy, spanish_supply

SEGMENTS = plan(spanish_supply(4600), OCTOBER, book())


def test_ten_times_the_contracted_power_in_all_hours_is_the_most():
    check_plausible(SEGMENTS, BILL_A)
    check_plausible(SEGMENTS, energy(P1=10 * 4600 * 745, P2=0, P3=0))
    with pytest.raises(
        HeldBill, match=r"34,270\.001 kWh in 745 hours, more than 10 times what its 4\.6 kW take"
    ) as held:
        check_plausible(SEGMENTS, energy(P1=10 * 4600 * 745 + 1, P2=0, P3=0))
    assert (held.value.reason, held.value.contract_id) == ("ABSURD_ENERGY", "c1")


@pytest.mark.parametrize(("taken", "fed"), [(-1, 0), (0, -1)])
def test_less_than_nothing_is_absurd_in_any_period(taken: int, fed: int):
    found = Energy({"P1": PeriodEnergy(5_000), "P3": PeriodEnergy(taken, fed)}, 745, 745, 0, 0, 1)
    with pytest.raises(HeldBill, match=r"-0\.001 kWh (taken|fed in) in P3"):
        check_plausible(SEGMENTS, found)


def test_without_a_contracted_power_there_is_no_most():
    check_plausible(plan(argentine_supply(), OCTOBER, book()), energy(P1=10**12))
