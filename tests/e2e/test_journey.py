"""A member's whole way, as a person with a browser goes it, on data that came through the real import and billing."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.chassis.profile import load_profile
from services.local.demo.logins import MEMBER_PASSWORD
from tests.e2e.browser import PATIENCE_MS, accessibility_findings, sideways
from tests.support.photos import PLACE, meter_photo
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.browser

# A line of its own in the mail of the code, and in no other.
CODE = r"(?m)^\s*([0-9A-Z][0-9A-Z -]{4,10})\s*$"
PASSWORD = "cuatro gatos bajo un farol"
REGISTERS = {"Punta": 31, "Llano": 22, "Valle": 45}
"""What a meter counted since its last reading, in kWh."""


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A phone, in Spanish, that keeps no script running: the journeys need none."""
    opened = browser.new_context(
        viewport={"width": 390, "height": 844},
        locale="es-ES",
        base_url=stack.base_url,
        java_script_enabled=False,
        accept_downloads=True,
    )
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def newest_mail(stack: Stack, to: str) -> str:
    """Id of the newest mail to an address, "" when there is none."""
    found = read(f"{stack.mail_url}/api/messages?{urllib.parse.urlencode({'to': to})}")["messages"]
    return str(found[0]["id"]) if found else ""


def mail(stack: Stack, to: str, pattern: str, after: str = "") -> str:
    """The first group of `pattern` in a mail to an address that came after the one with id `after`; waits for it."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        query = urllib.parse.urlencode({"to": to, "after": after, "wait": "10"})
        found = read(f"{stack.mail_url}/api/messages?{query}")["messages"]
        for one in reversed(found):
            match = re.search(pattern, str(read(f"{stack.mail_url}/api/messages/{one['id']}")["text"]))
            if match:
                return match[1]
            after = str(one["id"])
    raise AssertionError(f"no mail to {to} with {pattern} came")


def read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def said_logins(stack: Stack) -> dict[str, str]:
    """The demo members the runner prints: e-mail address -> what it says of them."""
    lines = [re.match(r"\s*(\S+@\S+)\s+(.+)", line) for line in stack.said]
    return {found[1]: found[2] for found in lines if found}


def address_of(stack: Stack, words: str) -> str:
    return next(email for email, said in said_logins(stack).items() if words in said)


def sign_in(page: Page, email: str, password: str = MEMBER_PASSWORD) -> None:
    page.goto("/sign-in")
    page.get_by_label("Correo electrónico").fill(email)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Iniciar sesión").click()


def in_menu(page: Page, name: str) -> None:
    page.locator(".site-menu summary").click()
    page.locator(".site-menu").get_by_role("link", name=name).click()


def test_from_nothing_to_signed_out(stack: Stack, page: Page) -> None:
    """Register, activate, sign in, add the supplies with document and birth date, and look at everything."""
    email = "nueva.socia@example.org"
    said = next(text for text in said_logins(stack).values() if "add it with" in text)
    found = re.search(r"with \w+ (\S+), born (\d+)/(\d+)/(\d+)", said)
    assert found, said
    document, day, month, year = found.groups()
    owner = address_of(stack, "add it with")

    page.goto("/")
    page.get_by_role("link", name="Crea tu cuenta").click()
    page.get_by_label("Nombre y apellidos").fill("Nueva Socia")
    page.get_by_label("Correo electrónico").fill(email)
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Crear la cuenta").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Te hemos enviado un correo")

    link = mail(stack, email, r"(http\S+/activate\?token=\S+)")
    page.goto(urllib.parse.urlsplit(link)._replace(scheme="", netloc="").geturl())
    page.get_by_role("button", name="Activar mi cuenta").click()
    expect(page.get_by_text("Tu cuenta está activa")).to_be_visible()
    sign_in(page, email, PASSWORD)

    expect(page.get_by_role("heading", level=1)).to_have_text("Añadir un suministro")
    page.get_by_label("Documento de identidad").fill(f" {document[:2]}.{document[2:].lower()} ")
    page.get_by_label("Día").fill(day)
    page.get_by_label("Mes").fill(month)
    page.get_by_label("Año").fill(year)
    before = newest_mail(stack, owner)
    page.get_by_role("button", name="Buscar mis suministros").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hemos buscado tus suministros")

    # The account's address is not the one on file: a code went to the holder, as the profile's policy wants.
    assert load_profile(ROOT / "profiles" / "demo-es").association_policy == "confirm"
    code = mail(stack, owner, CODE, before)
    page.get_by_label("Código del correo").fill(code)
    page.get_by_role("button", name="Confirmar").click()
    expect(page.get_by_text("Se ha añadido")).to_be_visible()

    for card in ("Tu última factura", "Estado de tu cuenta", "Tu consumo", "Avisos"):
        expect(page.get_by_role("heading", name=re.compile(card)).first).to_be_visible()
    expect(page.locator(".big.amount")).to_contain_text("€")
    assert sideways_without_script(page)

    in_menu(page, "Mi cuenta")
    page.get_by_role("button", name="Cerrar la sesión").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Has cerrado la sesión")
    page.goto("/supplies")
    expect(page.get_by_role("heading", level=1)).to_have_text("Iniciar sesión")


def sideways_without_script(page: Page) -> bool:
    """The page fits the phone: its body is as wide as the window."""
    box = page.locator("body").bounding_box()
    return box is not None and box["width"] <= 390


def test_consumption_hour_by_hour_and_its_file(stack: Stack, page: Page) -> None:
    sign_in(page, address_of(stack, "two supplies"))
    in_menu(page, "Consumo")
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", name="Día a día")).to_be_visible()
    page.locator("tbody th a").nth(5).click()
    expect(page.get_by_role("heading", name="Hora a hora")).to_be_visible()
    hours = page.locator("section", has=page.get_by_role("heading", name="Hora a hora"))
    expect(hours.locator("svg[role=img]:visible")).to_have_count(1)
    hours.get_by_text("Ver la tabla").click()
    qualities = hours.locator("details tbody tr td:last-child").all_inner_texts()
    assert len(qualities) in (23, 24, 25)
    assert set(qualities) <= {"R", "E", "falta"} and "R" in qualities
    with page.expect_download() as taken:
        page.get_by_role("link", name=re.compile("Descargar el periodo entero")).click()
    lines = taken.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion"
    assert re.fullmatch(r"ES\d{16}[A-Z]{2};\d\d/\d\d/\d{4};1;\d+,\d{3};[RE]", lines[1])
    assert len(lines) > 600


def test_a_second_supply_its_invoices_and_the_reprint(stack: Stack, page: Page) -> None:
    sign_in(page, address_of(stack, "two supplies"))
    first = page.url
    page.locator(".supply-bar summary").click()
    page.locator(".supply-list button:not([aria-current])").first.click()
    assert page.url != first
    in_menu(page, "Facturas")
    page.locator(".invoice-rows a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Factura de")
    expect(page.get_by_role("heading", name="En qué se va")).to_be_visible()
    path = page.get_by_role("link", name="Descargar PDF").get_attribute("href")
    copies = [page.request.get(f"{stack.base_url}{path}") for _ in range(2)]
    assert [copy.status for copy in copies] == [200, 200]
    assert copies[0].body().startswith(b"%PDF-")
    assert copies[0].body() == copies[1].body()
    page.goto("/")
    page.locator(".supply-bar summary").click()
    page.locator(".supply-list button:not([aria-current])").first.click()


def test_a_certificate_refused_with_what_is_due(stack: Stack, page: Page) -> None:
    sign_in(page, address_of(stack, "overdue"))
    expect(page.get_by_text("Pago pendiente").first).to_be_visible()
    in_menu(page, "Certificados")
    page.get_by_role("button", name="Pedir el certificado").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Todavía no se puede dar el certificado")
    assert page.locator("tbody tr").count() == 2
    expect(page.get_by_text("Transferencia a")).to_be_visible()


def last_shown(page: Page, register: str) -> int:
    """What the page says that the meter's display showed when it was read last, in kWh."""
    row = page.locator("dl.summary div").filter(has=page.get_by_text(register))
    return int("".join(sign for sign in row.locator(".quantity").inner_text() if sign.isdigit()))


def test_reading_ones_own_meter_with_a_photo(stack: Stack, page: Page) -> None:
    """On a phone: first without photo, which is said; then whole, with a receipt on the page and by mail."""
    email = address_of(stack, "two supplies")
    sign_in(page, email)
    in_menu(page, "Consumo")
    page.get_by_role("link", name="Lee tu contador").click()
    peak, mid_peak, off_peak = (last_shown(page, register) + more for register, more in REGISTERS.items())
    dotted, spaced = f"{peak:,}".replace(",", "."), f"{off_peak:,}".replace(",", " ")
    for register, number in zip(REGISTERS, (dotted, str(mid_peak), spaced), strict=True):
        page.get_by_label(register).fill(number)
    page.get_by_role("button", name="Enviar la lectura").click()
    expect(page.get_by_role("alert")).to_contain_text("Falta una foto del contador.")
    expect(page.get_by_label("Punta")).to_have_value(dotted)
    photo = {"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": meter_photo("01204")}
    page.get_by_label("Foto del contador").set_input_files([photo])  # a JPEG, whatever the phone calls it
    before = newest_mail(stack, email)
    page.get_by_role("button", name="Enviar la lectura").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tenemos tu lectura")
    receipt = page.locator(".reference .code").inner_text()
    expect(page.get_by_text(f"{off_peak:,} kWh".replace(",", "."))).to_be_visible()
    assert sideways_without_script(page)
    path = page.get_by_role("link", name="Abrir la foto").get_attribute("href")
    kept = page.request.get(f"{stack.base_url}{path}")
    assert kept.headers["content-type"] == "image/jpeg" and PLACE not in kept.body()
    assert mail(stack, email, r"Justificante: (\S+)", before) == receipt
    page.get_by_label("Estás aquí").get_by_role("link", name="Lee tu contador").click()
    expect(page.get_by_text(receipt)).to_be_visible()


def test_the_supply_of_somebody_else_is_not_found(stack: Stack, page: Page, browser: Browser) -> None:
    sign_in(page, address_of(stack, "overdue"))
    foreign = urllib.parse.urlsplit(page.url).path
    other = browser.new_context(locale="es-ES", base_url=stack.base_url)
    visitor = other.new_page()
    sign_in(visitor, address_of(stack, "two supplies"))
    for path in (
        foreign,
        f"{foreign}invoices",
        f"{foreign}consumption",
        f"{foreign}statement",
        f"{foreign}certificates",
        f"{foreign}self-reading",
    ):
        answer = visitor.goto(path)
        assert answer is not None and answer.status == 404, path
    other.close()


def test_a_wrong_password_and_a_forgotten_one(stack: Stack, page: Page) -> None:
    sign_in(page, "nobody@example.org", "not the password at all")
    expect(page.get_by_role("alert")).to_contain_text("El correo o la contraseña no son correctos.")
    page.goto("/forgotten-password")
    page.get_by_label("Correo electrónico").fill("nobody@example.org")
    page.get_by_role("button", name="Mandadme el enlace").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Te hemos enviado un correo")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_real_pages(stack: Stack, browser: Browser, width: int, scheme: str) -> None:
    opened = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale="es-ES",
        base_url=stack.base_url,  # type: ignore[arg-type]
    )
    page = opened.new_page()
    sign_in(page, address_of(stack, "two supplies"))
    page.wait_for_url("**/s/**")
    home = urllib.parse.urlsplit(page.url).path
    page.goto(f"{home}invoices")
    invoice = page.locator(".invoice-rows a").first.get_attribute("href")
    complaints: list[str] = []
    for path in (
        home,
        f"{invoice}/text",
        f"{home}consumption",
        f"{home}invoices",
        f"{home}certificates",
        f"{home}statement",
        "/notices",
        "/supplies",
        "/account",
        f"{stack.mail_url}/",
        f"{stack.mail_url}/m/{newest_mail(stack, address_of(stack, 'two supplies'))}",
    ):
        page.goto(path)
        complaints += [f"{path}: {finding}" for finding in accessibility_findings(page)]
        if sideways(page):
            complaints.append(f"{path}: {sideways(page)} px too wide")
    opened.close()
    assert complaints == []
