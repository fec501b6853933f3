"""The letter that reminds of overdue debts, as printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.documents.reminder_letter import ReminderLetter, render_reminder_letter
from services.chassis.errors import Invalid
from tests.unit.billing.documents.samples import certificate_ar, certificate_es


def letter() -> ReminderLetter:
    sample = certificate_es()
    return ReminderLetter(
        jurisdiction="es",
        currency="EUR",
        issuer=sample.issuer,
        holder=sample.holder,
        supply=sample.supplies[0],
        reminder_id="reminder-1",
        step=3,
        proof=True,
        printed_on=date(2026, 12, 22),
        debts=(("E-2026-000101", date(2026, 10, 22), D("55.44")), ("E-2026-000123", date(2026, 11, 23), D("61.10"))),
        credit=D("10.00"),
        pay_until=date(2027, 1, 4),
        cut_off_months=4,
        protected_until=date(2027, 1, 1),
        how_to_pay="Por transferencia al ES91 2100 0418 4502 0005 1332.",
    )


def test_a_demand_says_who_owes_what_by_when_and_what_the_law_gives(pages):
    (text,) = pages(render_reminder_letter(letter(), "es"))
    for part in (
        "Requerimiento de pago",
        "Ana María Peña Ibáñez",
        "Le requerimos el pago de esto",
        "E-2026-000101 22 oct 2026 55,44",
        "Total 116,54 €",
        "Páguelo, por favor, hasta el 4 de enero de 2027",
        "Su cuenta tiene 10,00 € a su favor",
        "ES91 2100 0418",
        "nunca antes de que pasen 4 meses",
        "no se puede suspender antes del 1 de enero de 2027",
        "Si no está de acuerdo con una factura",
        "Página 1 de 1",
    ):
        assert part in text, part


def test_the_first_and_the_second_speak_of_no_cut_off(pages):
    first = replace(letter(), step=1, proof=False, credit=D("0.00"), protected_until=None)
    (text,) = pages(render_reminder_letter(first, "en"))
    assert "Payment reminder" in text and "You may have missed it" in text and "cut-off" not in text
    assert "in your favour" not in text
    (text,) = pages(render_reminder_letter(replace(first, step=2), "es"))
    assert "Le recordamos otra vez" in text
    argentine = certificate_ar()
    there = replace(
        first,
        jurisdiction="ar",
        currency="ARS",
        issuer=argentine.issuer,
        supply=argentine.supplies[0],
        cut_off_months=0,
    )
    (text,) = pages(render_reminder_letter(there, "es"))
    assert "Recordatorio de pago" in text and "116,54" in text and "€" not in text and "suspenda" not in text


def test_the_same_letter_has_the_same_bytes_and_one_that_asks_for_nothing_is_refused():
    assert render_reminder_letter(letter(), "es") == render_reminder_letter(letter(), "es")
    with pytest.raises(Invalid, match="nothing of it is unpaid"):
        render_reminder_letter(replace(letter(), debts=()), "es")
