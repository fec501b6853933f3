"""Every text exists in every language and says what it must, with nothing left unfilled."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from services.chassis.profile import load_profile
from services.notifications import templates
from services.notifications.templates import FOLDER, Renderer, as_html

ROOT = Path(__file__).resolve().parents[3]
KINDS = sorted(path.name for path in FOLDER.iterdir())
LINK = "http://127.0.0.1:8000/activate?token=abc"
DATA: dict[str, Any] = {
    "refunded_on": "2026-11-24",
    "account_number": "5555/1",
    "accounts": ["5555/1", "5555/2"],
    "at": "2026-11-21 13:00",
    "amount": "4.98",
    "code": "7421-9930",
    "collected_again": False,
    "covered": False,
    "delivery": "link",
    "description": "Copy of a certificate",
    "doubtful": False,
    "due_date": "2026-11-22",
    "enters_cycle": "2026-12-01",
    "iban": "ES79 **** 6789",
    "in_favour": True,
    "link": LINK,
    "mandate_ended": True,
    "meter": "ZIV0040318130",
    "minutes": 10,
    "name": "Ana Prado",
    "number": "E2026-000123",
    "paid_on": "2026-11-21",
    "path": "/s/1/invoices/2",
    "read_on": "2026-10-28",
    "reason_code": "AM04",
    "receipt": "7Q4M2-K9DXW",
    "rectified_number": "E2026-000123",
    "returned_on": "2026-11-24",
    "shown": [["P1", 12_575], ["P2", 800]],
    "start": "2026-10-01",
    "total": "55.44",
    "unit": "kWh",
    "valid_until": "2026-12-21",
    "all_supplies": False,
    "due": [["E-2026-000002", "2026-11-23", "55.44"]],
    "why": "It named another holder.",
    "reason": "Not my meter",
    "outcome": "The reading was right.",
    "count": 3,
    "instalments": [["2026-12-10", "27.72"], ["2027-01-11", "27.72"]],
    "missing": "27.72",
    "numbers": ["E-2026-000002", "E-2026-000003"],
    "position": 1,
    "outstanding": "55.44",
    "already_invoiced": 1,
    "contracts": 300,
    "credit": "",
    "cut_off_months": 4,
    "debts": [["E-2026-000002", "2026-11-23", "55.44"]],
    "former_holder": False,
    "held": [["MISSING_READINGS", 2]],
    "pay_until": "2026-12-01",
    "period": "2026-10",
    "proof": True,
    "protected_until": "2027-01-01",
    "step": 3,
    "would_invoice": 297,
}


@pytest.fixture(params=["demo-es", "demo-ar"])
def renderer(request: pytest.FixtureRequest) -> Renderer:
    return Renderer(load_profile(ROOT / "profiles" / request.param), "http://127.0.0.1:8000/")


def test_there_are_the_kinds_the_consumers_send() -> None:
    assert KINDS == [
        "activation", "association_code", "association_notice", "bill_run_proposed", "certificate_issued", "certificate_refused",
        "certificate_revoked", "charge_issued", "charge_withdrawn", "direct_debit_returned", "dispute_closed",
        "dispute_opened", "invoice_issued", "invoice_rectified", "password_changed", "password_reset", "payment_plan_agreed",
        "payment_plan_over", "payment_received", "payment_refunded", "registration_repeated", "reminder", "self_reading_taken",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_can_be_written_in_each_language(renderer: Renderer, kind: str, language: str) -> None:
    mail = renderer.mail(kind, templates.newest_version(kind), language, DATA)
    assert mail.subject and "\n" not in mail.subject
    assert "{{" not in mail.text and "{%" not in mail.text
    assert f'lang="{language}"' in mail.html


@pytest.mark.parametrize("kind", KINDS)
def test_the_languages_say_different_things(renderer: Renderer, kind: str) -> None:
    assert renderer.mail(kind, 1, "es", DATA).text != renderer.mail(kind, 1, "en", DATA).text


def test_amounts_and_dates_are_written_as_the_country_writes_them() -> None:
    spain = Renderer(load_profile(ROOT / "profiles" / "demo-es"), "http://127.0.0.1:8000")
    mail = spain.mail("invoice_issued", 1, "es", DATA)
    assert mail.subject == "Su factura de octubre de 2026: 55,44\N{NO-BREAK SPACE}€"
    assert "22 de noviembre de 2026" in mail.text
    assert "http://127.0.0.1:8000/s/1/invoices/2" in mail.text


def test_a_receipt_says_what_was_read_as_the_language_writes_it() -> None:
    spain = Renderer(load_profile(ROOT / "profiles" / "demo-es"), "http://127.0.0.1:8000")
    assert "Lectura: P1 12.575, P2 800 kWh\n" in spain.mail("self_reading_taken", 1, "es", DATA).text
    english = spain.mail("self_reading_taken", 1, "en", DATA | {"shown": [["total", 12_575]], "unit": "m³"})
    assert "Reading: 12,575 m³\n" in english.text and "7Q4M2-K9DXW" in english.text
    assert "a partir del 1 de diciembre de 2026" in spain.mail("self_reading_taken", 1, "es", DATA).text
    doubted = spain.mail("self_reading_taken", 1, "es", DATA | {"doubtful": True}).text
    assert "la oficina mira la foto" in doubted and "a partir del" not in doubted
    title, body = spain.notice("self_reading_taken", 1, "es", DATA)
    assert title == "Lectura recibida: P1 12.575, P2 800 kWh" and "28 de octubre de 2026" in body


def test_a_correction_says_what_is_in_the_members_favour_or_due() -> None:
    spain = Renderer(load_profile(ROOT / "profiles" / "demo-es"), "http://127.0.0.1:8000")
    assert "Hay 4,98\N{NO-BREAK SPACE}€ a su favor" in spain.mail("invoice_rectified", 1, "es", DATA).text
    owed = spain.mail("invoice_rectified", 1, "es", DATA | {"in_favour": False}).text
    assert "La diferencia es de 4,98" in owed
    assert "22 de noviembre de 2026" in owed
    assert "adjunta" in spain.mail("invoice_rectified", 1, "es", DATA | {"delivery": "attached"}).text


def test_argentine_corrections_are_notes_of_credit_or_debit() -> None:
    argentina = Renderer(load_profile(ROOT / "profiles" / "demo-ar"), "http://127.0.0.1:8000")
    assert "La nota de crédito" in argentina.mail("invoice_rectified", 1, "es", DATA).text
    title, body = argentina.notice("invoice_rectified", 1, "es", DATA | {"in_favour": False})
    assert title.startswith("Nota de débito de octubre") and body.startswith("La nota ")


def test_a_refused_certificate_says_what_is_due_and_how_to_pay(renderer: Renderer) -> None:
    said = renderer.mail("certificate_refused", 1, "en", DATA).text
    assert "- E-2026-000002, due 23 November 2026: " in said and "55.44" in said
    assert ("IBAN" in said or "ES91 2100" in said or "LAGUNITA.SERVICIOS" in said) and "/s/1/invoices/2" in said
    assert "de todos sus contratos" in renderer.mail("certificate_refused", 1, "es", DATA | {"all_supplies": True}).text
    assert "It named another holder." in renderer.mail("certificate_revoked", 1, "en", DATA).text


def test_a_payment_plan_is_told_from_its_agreement_to_its_end() -> None:
    spain = Renderer(load_profile(ROOT / "profiles" / "demo-es"), "http://127.0.0.1:8000")
    agreed = spain.mail("payment_plan_agreed", 1, "es", DATA).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "- Plazo 2 de 2, hasta el 11 de enero de 2027: 27,72 €" in agreed
    assert "E-2026-000002, E-2026-000003" in agreed and "/s/1/invoices/2" in agreed

    def over(outcome: str) -> str:
        mail = spain.mail("payment_plan_over", 1, "es", DATA | {"outcome": outcome})
        return f"{mail.subject}\n{mail.text}".replace("\N{NO-BREAK SPACE}", " ")

    assert "El plazo 1 de 3, del 22 de noviembre de 2026, no se pagó en su día: faltaban 27,72 €" in over("broken")
    assert "se deben 55,44 €" in over("broken") and "ES91 2100" in over("broken")
    assert "está pagado del todo" in over("paid") and "ES91 2100" not in over("paid")
    assert "Not my meter" in over("ended") and over("ended").startswith("Plan de pagos anulado")
    left = spain.mail("payment_plan_over", 1, "es", DATA | {"outcome": "broken", "former_holder": True}).text
    assert "/s/1/invoices/2" not in left


def test_an_attached_invoice_needs_no_link(renderer: Renderer) -> None:
    mail = renderer.mail("invoice_issued", 1, "es", DATA | {"delivery": "attached"})
    assert "adjunta" in mail.text
    assert "/s/1/invoices/2" not in mail.text


def test_a_name_with_a_line_break_stays_inside_the_subject(renderer: Renderer) -> None:
    mail = renderer.mail("association_code", 1, "es", DATA | {"code": "12\r\nBcc: x@example.org"})
    assert "\r" not in mail.subject and "\n" not in mail.subject


def test_a_missing_value_is_an_error_and_not_a_hole_in_the_text(renderer: Renderer) -> None:
    with pytest.raises(UndefinedError):
        renderer.mail("activation", 1, "es", {"name": "Ana"})


def test_html_is_escaped_and_addresses_become_links() -> None:
    made = as_html("Hola <b>Ana</b>:\n\nhttps://coop.example/a?b=1&c=2", "es")
    assert "&lt;b&gt;Ana&lt;/b&gt;" in made
    assert '<a href="https://coop.example/a?b=1&amp;c=2">' in made


@pytest.mark.parametrize(
    ("wanted", "given"), [("en", "en"), ("en-GB", "en"), ("es_AR", "es"), ("de", "es"), ("", "es")]
)
def test_an_unknown_language_falls_back_to_the_cooperatives(renderer: Renderer, wanted: str, given: str) -> None:
    assert renderer.language(wanted) == given


def test_a_returned_debit_says_why_and_what_to_do() -> None:
    spain = Renderer(load_profile(ROOT / "profiles" / "demo-es"), "http://127.0.0.1:8000")
    said = spain.mail("direct_debit_returned", 1, "es", DATA).text
    for part in (
        "El 24 de noviembre de 2026",
        "cuenta ES79 **** 6789",
        "no había saldo suficiente en la cuenta (AM04).",
    ):
        assert part in said
    assert "No volveremos a pasar el recibo" in said and "termina la domiciliación" in said
    again = {**DATA, "collected_again": True, "mandate_ended": False, "reason_code": "ZZ99"}
    said = spain.mail("direct_debit_returned", 1, "es", again).text
    assert "el banco no da el motivo (ZZ99)" in said and "una vez" in said and "termina" not in said
    for covered, there, not_there in ((False, "vuelve a estar pendiente", "otra vez"), (True, "otra vez", "pendiente")):
        made = spain.mail("direct_debit_returned", 2, "es", {**DATA, "covered": covered})
        assert there in made.text and not_there not in made.text
