"""When an invoice falls due: 20 natural days, Saturday, Sunday or holiday to the next working day."""

from datetime import date

import pytest

from services.billing.domain.calendar import due_date, easter_sunday
from services.billing.jurisdictions import jurisdiction


@pytest.mark.parametrize(
    ("country", "issued", "due"),
    [
        ("es", date(2026, 11, 2), date(2026, 11, 23)),  # 22 November is a Sunday
        ("es", date(2026, 11, 3), date(2026, 11, 23)),
        ("es", date(2026, 12, 5), date(2026, 12, 28)),  # Christmas Friday, then the weekend
        ("es", date(2026, 3, 14), date(2026, 4, 6)),  # Good Friday, then the weekend
        ("ar", date(2026, 1, 27), date(2026, 2, 18)),  # Carnival Monday 16 and Tuesday 17 February
        ("ar", date(2026, 11, 3), date(2026, 11, 23)),
    ],
)
def test_due_date(country, issued, due):
    assert due_date(issued, 20, jurisdiction(country).calendar) == due


@pytest.mark.parametrize(
    "day", [date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28), date(2038, 4, 25)]
)
def test_easter(day):
    assert easter_sunday(day.year) == day
