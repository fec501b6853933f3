from datetime import UTC, date, datetime, timedelta

import pytest

from services.notifications.domain.delivery import RETRY_AFTER, invoice_is_mailed, next_attempt

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_each_failure_waits_at_least_as_long_as_the_one_before() -> None:
    waits = [next_attempt(NOW, attempts) - NOW for attempts in range(1, len(RETRY_AFTER) + 1)]  # type: ignore[operator]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=2)


def test_after_the_last_pause_the_mail_is_given_up() -> None:
    assert next_attempt(NOW, len(RETRY_AFTER)) == NOW + timedelta(hours=24)
    assert next_attempt(NOW, len(RETRY_AFTER) + 1) is None


@pytest.mark.parametrize(
    ("issued", "mailed"),
    [
        (date(2026, 11, 21), True),
        (date(2026, 9, 22), True),  # sixty days ago
        (date(2026, 9, 21), False),
        (date(2025, 10, 2), False),
    ],
)
def test_only_invoices_of_the_last_sixty_days_are_mailed(issued: date, mailed: bool) -> None:
    assert invoice_is_mailed(issued, date(2026, 11, 21)) is mailed
