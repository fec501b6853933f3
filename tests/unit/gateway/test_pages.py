"""What a member reads on each page."""

import re
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from coop.billing.v1 import billing_pb2

from services.chassis.errors import Throttled, Unavailable
from services.gateway.compose.invoices import EntryView
from services.gateway.compose.money import Money
from services.gateway.compose.payments import SettledView
from tests.unit.gateway.conftest import Portal, token_of

LONG_RANGE = (
    "/s/sup-1/consumption/range?first-day=28&first-month=9&first-year=2025&last-day=31&last-month=10&last-year=2026"
)
MEMBER_PAGES = [
    "/s/sup-1/",
    "/s/sup-1/consumption",
    "/s/sup-1/consumption/2026-10-01",
    "/s/sup-1/consumption/day/2026-10-14",
    "/s/sup-1/consumption/week/2026-10-14",
    "/s/sup-1/consumption/month/2026-10",
    "/s/sup-1/consumption/range",
    "/s/sup-1/consumption/readings",
    LONG_RANGE,
    "/s/sup-1/self-reading",
    "/s/sup-1/self-reading/7Q4M2-K9DXW",
    "/s/sup-1/invoices",
    "/s/sup-1/invoices/inv-123",
    "/s/sup-1/statement",
    "/s/sup-1/payments/pay-1",
    "/s/sup-1/certificates",
    "/s/sup-1/pay",
    "/s/sup-1/pay/000100000000",
    "/s/sup-1/direct-debit",
    "/s/sup-1/invitation",
    "/supplies",
    "/supplies/add",
    "/supplies/asked",
    "/supplies/confirm",
    "/notices",
    "/notices/n-2",
    "/account",
    "/account/password",
]
PUBLIC_PAGES = ["/", "/register", "/sign-in", "/forgotten-password", "/verify", "/help", "/legal", "/accessibility"]


def text(html: str) -> str:
    """What the page says, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\xa0", " ").split())


@pytest.mark.parametrize("path", MEMBER_PAGES)
def test_a_members_page_answers_and_is_not_kept(portal: Portal, path: str) -> None:
    answer = portal.member.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(re.findall(r"<h1[ >]", answer.text)) == 1


@pytest.mark.parametrize("path", MEMBER_PAGES)
def test_a_visitor_is_sent_to_sign_in_and_back(portal: Portal, path: str) -> None:
    answer = portal.visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("path", PUBLIC_PAGES)
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_public_page_speaks_the_visitors_language(portal: Portal, path: str, language: str) -> None:
    answer = portal.visitor.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text


def test_home_says_how_much_until_when_and_why(portal: Portal) -> None:
    said = text(portal.member.get("/s/sup-1/").text)
    assert "Tu última factura · octubre 55,44 €" in said
    assert "Vence el lunes 23 de noviembre quedan 2 días" in said
    assert (
        "Son 6,20 € más que en la factura anterior: 3,16 € por la energía consumida (21 kWh más), 2,62 € de impuestos y"
        " 0,42 € por facturar 1 día más. Ver por qué" in said
    )
    assert "En octubre has consumido 245 kWh , un 9 % menos que hace un año." in said
    assert "Al corriente" in said


def test_amount_and_unit_never_break(portal: Portal) -> None:
    assert "55,44\xa0€" in portal.member.get("/s/sup-1/").text


@pytest.mark.parametrize("service", ["supplies", "metering", "billing", "notifications"])
def test_home_stands_while_a_service_is_down(portal: Portal, service: str) -> None:
    portal.fakes.stop(service)
    answer = portal.member.get("/s/sup-1/")
    assert answer.status_code == 200
    sorry = "Ahora mismo no podemos mostrarlo"
    missing = {"supplies": 0, "metering": 1, "billing": 2, "notifications": 1}[service]
    assert answer.text.count(sorry) == missing
    assert ("55,44" in answer.text) == (service != "billing")


def test_without_identity_the_page_is_an_apology(portal: Portal) -> None:
    portal.fakes.stop("identity")
    answer = portal.member.get("/s/sup-1/")
    assert answer.status_code == 503
    assert "La oficina no responde ahora mismo" in answer.text
    assert answer.headers["Retry-After"] == "30"


def test_the_supply_of_somebody_else_does_not_exist(portal: Portal) -> None:
    for path in (
        "/s/other/",
        "/s/other/invoices",
        "/s/other/consumption",
        "/s/other/certificates",
        "/s/other/statement",
        "/s/other/payments/pay-1",
        "/s/sup-2/payments/pay-1",
    ):
        assert portal.member.get(path).status_code == 404


def test_an_invoice_under_another_supply_does_not_exist(portal: Portal) -> None:
    assert portal.member.get("/s/sup-2/invoices/inv-123").status_code == 404
    assert portal.member.get("/s/sup-1/invoices/none").status_code == 404


def test_a_day_shows_each_hour_with_its_quality(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/consumption/day/2026-10-14").text
    said = text(page)
    assert "2 horas son estimadas: el contador no comunicó." in said
    assert re.search(r"15–16 0,435 Llano E", said)
    assert re.search(r"20–21 1,228 Punta R", said)
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_an_absent_hour_is_not_a_zero(portal: Portal) -> None:
    said = text(portal.member.get("/s/sup-1/consumption/day/2026-10-20").text)
    assert "Falta 1 hora." in said
    assert "3–4 – falta" in said


def test_the_day_of_25_hours(portal: Portal) -> None:
    said = text(portal.member.get("/s/sup-1/consumption/day/2026-10-25").text)
    assert "este día tiene 25 horas" in said
    assert len(re.findall(r"\b2–3\b", said)) >= 2


@pytest.mark.parametrize("day", ["2026-11-05", "1999-01-01"])
def test_days_that_were_not_billed_are_not_shown(portal: Portal, day: str) -> None:
    assert portal.member.get(f"/s/sup-1/consumption/day/{day}").status_code == 404


@pytest.mark.parametrize(
    "path", ["day/2026-02-30", "2026-13-01", "2026-10-02", "x", "month/2026-13", "2026-10-02_x.csv"]
)
def test_dates_that_are_none_are_not_found(portal: Portal, path: str) -> None:
    assert portal.member.get(f"/s/sup-1/consumption/{path}").status_code == 404


def test_the_csv_is_the_distributors(portal: Portal) -> None:
    answer = portal.member.get("/s/sup-1/consumption/2026-10-01_2026-10-31.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert 'filename="ES0575000000000877HA_2026-10-01_2026-10-31.csv"' in answer.headers["Content-Disposition"]
    lines = answer.text.split("\r\n")
    assert lines[0] == "CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion"
    assert lines[1] == "ES0575000000000877HA;01/10/2026;1;0,156;R"
    assert lines[-1] == ""
    assert len(lines) == 1 + 745 - 1 + 1  # heading, 745 hours of October less the absent one, and the end
    assert any(line.startswith("ES0575000000000877HA;25/10/2026;25;") for line in lines)
    assert "ES0575000000000877HA;14/10/2026;16;0,435;E" in lines


def test_an_invoice_explains_its_lines(portal: Portal) -> None:
    said = text(portal.member.get("/s/sup-1/invoices/inv-123").text)
    assert "Energía consumida · Punta (P1) 62 kWh × 0,196 €/kWh 12,15" in said
    assert "Potencia contratada · P1 4,6 kW × 31 días × 27,704413 €/kW y año 10,82" in said
    assert "Financiación del bono social 31 días × 9,011295 €/año 0,77" in said
    assert "Alquiler del contador 31 días × 0,81 €/mes 0,83" in said
    assert "IVA 21 % 9,62" in said
    assert "Energía consumida: 21 kWh más +3,16" in said
    assert "Diferencia +6,20" in said


def test_a_paid_and_an_overdue_invoice_say_so(portal: Portal) -> None:
    assert "Pagada" in portal.member.get("/s/sup-1/invoices/inv-61").text
    portal.world.invoices[0].state = billing_pb2.INVOICE_STATE_OVERDUE
    portal.world.invoices[0].due_date = "2026-11-20"
    said = text(portal.member.get("/s/sup-1/invoices/inv-123").text)
    assert "Vencida desde el 20 de noviembre 1 día de retraso" in said


def test_a_document_apart_says_what_it_is_in_the_list_and_on_its_page(portal: Portal) -> None:
    assert "ajenos al servicio" not in portal.member.get("/s/sup-1/invoices").text
    portal.world.invoices[1].kind = "foreign"
    assert text(portal.member.get("/s/sup-1/invoices").text).count("Conceptos ajenos al servicio") == 1
    assert "el servicio se paga aparte" in portal.member.get("/s/sup-1/invoices/inv-61").text
    assert "el servicio se paga aparte" not in portal.member.get("/s/sup-1/invoices/inv-123").text


def test_a_first_invoice_has_nothing_to_compare_with(portal: Portal) -> None:
    del portal.world.invoices[1]
    portal.world.invoices[0].ClearField("previous_total")
    portal.world.invoices[0].ClearField("effects")
    assert "Por qué" not in portal.member.get("/s/sup-1/invoices/inv-123").text


def test_the_pdf_comes_as_it_is(portal: Portal) -> None:
    answer = portal.member.get("/s/sup-1/invoices/inv-123.pdf")
    assert answer.content_type == "application/pdf"
    assert answer.data == b"%PDF-1.4 the invoice"
    assert answer.headers["Content-Disposition"] == 'inline; filename="E-2026-000123.pdf"'
    assert portal.member.get("/s/sup-1/invoices/nope.pdf").status_code == 404


def test_a_certificate_is_granted_or_refused_with_what_is_due(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/certificates").text
    granted = portal.member.post("/s/sup-1/certificates", data={"csrf_token": token_of(page)}, follow_redirects=True)
    assert granted.status_code == 200
    assert "7Q4M-2K9D-XW3R-5TBN" in granted.text
    assert portal.member.get("/s/sup-1/certificates/cer-1.pdf").data == b"%PDF-1.4 certificate"
    portal.world.overdue = True
    refused = portal.member.post("/s/sup-1/certificates", data={"csrf_token": token_of(page)})
    assert refused.status_code == 409
    assert "E-2026-000061 23 de octubre 49,24" in text(refused.text)
    assert "Transferencia a ES91" in refused.text


def test_the_same_button_pressed_twice_asks_once(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/certificates").text
    request_id = page.split('name="request_id" value="')[1].split('"')[0]
    for _ in range(2):
        portal.member.post("/s/sup-1/certificates", data={"csrf_token": token_of(page), "request_id": request_id})
    asked = [one.request_id for one in portal.world.requests if type(one).__name__ == "RequestCertificateRequest"]
    assert asked == [request_id, request_id]


@pytest.mark.parametrize(
    "typed", ["7Q4M-2K9D-XW3R-5TBN", "7q4m 2k9d xw3r 5tbn", "7q4m2k9dxw3r5tbn", " 7Q4M.2K9D.XW3R.5TBN "]
)
def test_a_code_is_understood_as_people_type_it(portal: Portal, typed: str) -> None:
    answer = portal.visitor.get("/verify", query_string={"code": typed})
    assert answer.status_code == 200
    assert "El certificado es válido" in answer.text
    assert "A*** P***" in answer.text


def test_look_alikes_in_a_code(portal: Portal) -> None:
    portal.visitor.get("/verify", query_string={"code": "OIL1-0000-0000-0000"})
    assert portal.world.requests[-1].code == "0111000000000000"


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("", 422, "Escribe el código"),
        ("7Q4M", 422, "4 letras y cifras"),
        ("7U4M-2K9D-XW3R-5TBN", 422, "El código lleva U"),
        ("0000-0000-0000-0000", 404, "0000-0000-0000-0000"),
    ],
)
def test_a_wrong_code_says_what_is_wrong(portal: Portal, typed: str, status: int, says: str) -> None:
    answer = portal.visitor.get("/verify", query_string={"code": typed})
    assert answer.status_code == status
    assert says in text(answer.text)
    if status == 422:
        assert "<title>Error: " in answer.text


def test_too_many_checks_are_told_when_to_come_back(portal: Portal) -> None:
    portal.world.failing["VerifyCertificate"] = Throttled("Too many.", retry_after_s=120)
    answer = portal.visitor.get("/verify", query_string={"code": "7Q4M-2K9D-XW3R-5TBN"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "120")


def test_a_certificate_of_all_contracts(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/certificates").text
    assert "Pedir uno de todos tus contratos" in page
    sent = {"csrf_token": token_of(page), "of": "all", "request_id": "r"}
    granted = portal.member.post("/s/sup-1/certificates", data=sent, follow_redirects=True)
    (asked,) = [one for one in portal.world.requests if type(one).__name__ == "RequestCertificateRequest"]
    assert (asked.all_supplies, asked.request_id) == (True, "r-all")
    assert "Todos tus contratos" in granted.text and "C-2026-000001" in granted.text
    portal.world.overdue = True
    refused = portal.member.post("/s/sup-1/certificates", data=sent | {"request_id": "s"}).text
    assert "cada una se paga con su suministro" in refused and "/s/sup-1/invoices/inv" not in refused


@pytest.mark.parametrize(
    ("content", "state", "says"),
    [
        (b"%PDF genuine", "valid", "El documento es auténtico"),
        (b"%PDF genuine", "revoked", "El certificado es auténtico, pero fue revocado"),
        (b"%PDF altered", "", "El archivo ha sido modificado"),
        (b"%PDF", "", "El archivo no es nuestro"),
        (b"%PDF" + b"\r\n-" * 100_000, "", "El archivo no es nuestro"),
    ],
)
def test_a_pdf_is_checked_by_anybody(portal: Portal, content: bytes, state: str, says: str) -> None:
    portal.fakes.documents.state = state
    page = portal.visitor.get("/verify").text
    sent = {"csrf_token": token_of(page), "document": (BytesIO(content), "paper.pdf")}
    answer = portal.visitor.post("/verify", data=sent, content_type="multipart/form-data")
    assert (answer.status_code, says in answer.text) == (200, True)
    assert ("C-2026-000001" in answer.text) == (b"genuine" in content)


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 422, "Elige el archivo PDF"),
        (b"x" * (2 * 1024 * 1024 + 1), 422, "ocupa más de 2 MB"),
        (b"x" * (5 * 1024 * 1024), 413, "ocupa más de 2 MB"),
    ],
)
def test_a_file_that_cannot_be_checked(portal: Portal, content: bytes, status: int, says: str) -> None:
    page = portal.visitor.get("/verify").text
    sent = {"csrf_token": token_of(page), "document": (BytesIO(content), "paper.pdf")}
    answer = portal.visitor.post("/verify", data=sent, content_type="multipart/form-data")
    assert (answer.status_code, says in answer.text) == (status, True)
    assert "VerifyDocument" not in portal.world.calls


def test_choosing_a_supply_keeps_the_section(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/invoices").text
    answer = portal.member.post(
        "/supplies/current", data={"csrf_token": token_of(page), "supply_id": "sup-2", "section": "invoices"}
    )
    assert answer.headers["Location"] == "/s/sup-2/invoices"
    assert portal.world.current == "sup-2"
    assert portal.member.get("/").headers["Location"] == "/s/sup-2/"


def test_choosing_works_while_the_choice_cannot_be_kept(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/").text
    portal.world.failing["SetCurrentSupply"] = Unavailable("Down.")
    answer = portal.member.post("/supplies/current", data={"csrf_token": token_of(page), "supply_id": "sup-2"})
    assert answer.headers["Location"] == "/s/sup-2/"


def test_a_member_without_supplies_is_led_to_add_one(portal: Portal) -> None:
    portal.world.supplies.clear()
    assert portal.member.get("/").headers["Location"] == "/supplies/add"


def test_a_notice_is_marked_by_a_button_not_by_reading(portal: Portal) -> None:
    page = portal.member.get("/notices/n-2").text
    assert not portal.world.read
    portal.member.post("/notices/n-2", data={"csrf_token": token_of(page)})
    assert portal.world.read == {"n-2"}


def test_debt_is_said_with_how_to_pay(portal: Portal) -> None:
    portal.world.overdue = True
    said = text(portal.member.get("/s/sup-1/").text)
    assert "Pago pendiente" in said
    assert "Debes 49,24 € de 1 factura vencida." in said


def test_a_page_waits_for_services_that_have_not_heard_of_a_fresh_association(portal: Portal) -> None:
    portal.world.unheard = {"ListInvoices": 2, "GetDebtState": 3, "ListBilledPeriods": 1}
    page = text(portal.member.get("/s/sup-1/").text)
    assert "no podemos mostrarlo" not in page and "55,44 €" in page
    assert portal.world.calls.count("GetDebtState") == 4


def test_a_supply_of_somebody_else_is_not_waited_for(portal: Portal) -> None:
    portal.world.unheard = {"ListInvoices": 99, "GetDebtState": 99, "ListBilledPeriods": 99}
    assert portal.member.get("/s/sup-9/").status_code == 404
    assert portal.world.calls.count("GetDebtState") == 1


def test_a_years_statement_has_the_amounts_for_the_tax_office(portal: Portal) -> None:
    said = text(portal.member.get("/s/sup-1/statement?year=2026").text)
    assert "modelo 347" in said and "2.º trimestre 3.100,00" in said and "Total 3.204,68 €" in said
    assert "De tus suministros 877/1. El titular tiene además otros suministros" in said
    assert "modelo 347" not in text(portal.member.get("/s/sup-1/statement").text)


def test_home_says_what_else_is_due_with_the_newest_invoice(portal: Portal) -> None:
    portal.world.overdue = True  # what is late already is said by its own card
    assert "También vence" not in text(portal.member.get("/s/sup-1/").text)
    portal.world.due_too = True
    page = portal.member.get("/s/sup-1/").text
    assert "También vence el 23 de noviembre la factura X-7 : 12,10 € ." in text(page)
    assert "23 de diciembre" not in text(page)
    assert 'href="/s/sup-1/invoices/inv-x"' in page


@pytest.mark.parametrize("path", ["/notices", "/s/sup-1/"])
def test_a_notice_says_which_supply_it_is_about_when_there_are_several(portal: Portal, path: str) -> None:
    said = text(portal.member.get(path).text)
    assert "2 de noviembre de 2026, 10:00 · Calle de la Acequia 12" in said
    assert "17 de octubre de 2026, 11:00 · Partida del Molino Viejo 3" in said
    del portal.world.supplies[1:]
    assert "10:00 · " not in text(portal.member.get(path).text)


def test_another_language_is_the_same_page(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/statement?year=2026").text
    assert 'name="next" value="/s/sup-1/statement?year=2026"' in page
    assert 'name="next" value="/help"' in portal.visitor.get("/help").text


def test_help_says_what_this_cooperative_does(portal: Portal) -> None:
    said = text(portal.visitor.get("/help").text)
    assert "Las horas se muestran cuando ya están facturadas" in said
    assert "¿Puedo domiciliar mis facturas?" in said
    assert 'href="tel:900000575"' in portal.visitor.get("/help").text


def test_what_a_payment_settled_is_said_unless_it_is_the_one_invoice_it_names() -> None:
    def entry(*settled: tuple[str, str]) -> EntryView:
        euros = [Money(Decimal(amount), "EUR") for amount in ("49.24", "0", "0")]
        each = tuple(SettledView("i", number, Money(Decimal(amount), "EUR")) for number, amount in settled)
        return EntryView(
            date(2026, 10, 20), "payment", "E-61", euros[1], euros[0], euros[2], "card", "p", each, euros[1], ""
        )

    assert entry(("E-61", "49.24")).settles_what_it_names
    for told in ([("E-61", "40.00")], [("E-62", "49.24")], [("E-61", "40.00"), ("E-62", "9.24")], []):
        assert not entry(*told).settles_what_it_names


def test_the_statement_says_how_it_was_paid_and_what_with_a_receipt(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/statement")
    said = text(page.text)
    assert "Pago con tarjeta 20 oct · E-2026-000061 Recibo del 20 oct" in said
    assert 'href="/s/sup-1/payments/pay-1"' in page.text
    said = text(portal.member.get("/s/sup-1/payments/pay-1").text)
    assert (
        "con tarjeta" in said
        and "E-2026-000061 49,24" in said
        and "A tu favor, para las próximas facturas 0,76" in said
        and "Número del recibo RC-2026-000007" in said
    )
    assert re.search(r"El 2 de noviembre(?: de 2026)? te devolvimos 0,50 € de este pago", said)
    assert portal.member.get("/s/sup-1/payments/pay-1.pdf").data == b"%PDF-1.4 receipt"
