"""Working days and the day an invoice falls due."""

from __future__ import annotations

from datetime import date, timedelta

from services.chassis.workdays import WorkingCalendar, easter_sunday

__all__ = ["WorkingCalendar", "due_date", "easter_sunday"]


def due_date(issue_date: date, days_to_pay: int, calendar: WorkingCalendar) -> date:
    """Natural days after issue; a Saturday, Sunday or holiday moves to the next working day (RD 897/2017 art. 18)."""
    return calendar.on_or_after(issue_date + timedelta(days=days_to_pay))
