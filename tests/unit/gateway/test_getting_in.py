"""Register, activate, sign in and out, passwords, and adding a supply."""

import re

import pytest

from services.chassis.errors import Throttled
from tests.unit.gateway.conftest import Portal, token_of
from tests.unit.gateway.fakes import PASSWORD


def post(portal: Portal, path: str, member: bool = False, **data: str):
    client = portal.member if member else portal.visitor
    page = client.get(path.partition("?")[0], query_string=path.partition("?")[2]).text
    return client.post(path.partition("?")[0], data={"csrf_token": token_of(page), **data})


def test_registering_leads_to_the_same_page_whoever_it_is(portal: Portal) -> None:
    answer = post(portal, "/register", name="Ana", email=" ana@example.org ", password=PASSWORD)
    assert answer.headers["Location"] == "/mail-sent/activation"
    sent = portal.world.requests[-1]
    assert (sent.email, sent.name, sent.language) == ("ana@example.org", "Ana", "es")
    assert "Te hemos enviado un correo" in portal.visitor.get("/mail-sent/activation").text


def test_the_service_hears_the_visitors_address(portal: Portal) -> None:
    page = portal.visitor.get("/register").text
    portal.visitor.post(
        "/register",
        data={"csrf_token": token_of(page), "name": "A", "email": "a@example.org", "password": PASSWORD},
        environ_overrides={"REMOTE_ADDR": "203.0.113.9"},
    )
    assert portal.world.addresses[-1] == "203.0.113.9"


def test_a_year_of_two_digits_is_asked_for_whole(portal: Portal) -> None:
    parts = {"birth_date-day": "5", "birth_date-month": "11", "birth_date-year": "91"}
    answer = post(portal, "/supplies/add", member=True, document="12345678Z", **parts)
    assert answer.status_code == 422 and "Escribe el año de 5/11/91 con sus cuatro cifras." in answer.text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "Escribe tu nombre."),
        ("email", "ana", "no es una dirección de correo"),
        ("password", "corta", "al menos 12 caracteres"),
    ],
)
def test_a_wrong_field_is_said_above_and_beside(portal: Portal, field: str, value: str, says: str) -> None:
    good = {"name": "Ana", "email": "ana@example.org", "password": PASSWORD}
    answer = post(portal, "/register", **{**good, field: value})
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert f'href="#{field}"' in answer.text
    assert answer.text.count(says) == 2
    assert f'id="{field}-error"' in answer.text
    assert "autofocus" in answer.text
    assert PASSWORD not in answer.text
    assert "Register" not in portal.world.calls


def test_activation_acts_on_the_button_only(portal: Portal) -> None:
    page = portal.visitor.get("/activate?token=mail-token")
    assert "Activate" not in portal.world.calls
    answer = portal.visitor.post("/activate", data={"csrf_token": token_of(page.text), "token": "mail-token"})
    assert answer.headers["Location"] == "/sign-in"
    assert "Tu cuenta está activa" in portal.visitor.get("/sign-in").text


@pytest.mark.parametrize("path", ["/activate", "/reset-password"])
def test_a_link_without_its_token_says_so(portal: Portal, path: str) -> None:
    assert portal.visitor.get(path).status_code == 410


def test_an_old_activation_link(portal: Portal) -> None:
    page = portal.visitor.get("/activate?token=old").text
    answer = portal.visitor.post("/activate", data={"csrf_token": token_of(page), "token": "old"})
    assert answer.status_code == 410
    assert "Este enlace ya no sirve" in answer.text


def test_signing_in_gives_a_cookie_and_goes_where_one_wanted(portal: Portal) -> None:
    answer = post(
        portal, "/sign-in?next=/s/sup-1/invoices", email="ana@example.org", password=PASSWORD, next="/s/sup-1/invoices"
    )
    assert answer.headers["Location"] == "/s/sup-1/invoices"
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("coop-session="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Expires" not in cookie


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
)
def test_signing_in_never_leads_elsewhere(portal: Portal, wanted: str) -> None:
    answer = post(portal, "/sign-in", email="ana@example.org", password=PASSWORD, next=wanted)
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("email", "password"), [("ana@example.org", "wrong wrong wrong"), ("nobody@example.org", PASSWORD)]
)
def test_a_refusal_does_not_say_which_was_wrong(portal: Portal, email: str, password: str) -> None:
    answer = post(portal, "/sign-in", email=email, password=password)
    assert answer.status_code == 422
    said = re.sub(r"<[^>]+>", " ", answer.text)
    assert said.count("El correo o la contraseña no son correctos.") == 1
    assert password not in answer.text


@pytest.mark.parametrize(
    ("seconds", "when"), [(20, "1 minuto."), (290, "5 minutos."), (5400, "90 minutos."), (5401, "2 horas.")]
)
def test_too_many_sign_ins(portal: Portal, seconds: int, when: str) -> None:
    portal.world.failing["SignIn"] = Throttled("Too many.", retry_after_s=seconds)
    answer = post(portal, "/sign-in", email="ana@example.org", password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(seconds))
    assert "Demasiados intentos" in answer.text
    assert f"Ha habido demasiados intentos. Prueba otra vez dentro de {when}" in answer.text


def test_signing_out_ends_the_session_here_and_there(portal: Portal) -> None:
    page = portal.member.get("/account").text
    answer = portal.member.post("/sign-out", data={"csrf_token": token_of(page)})
    assert answer.headers["Location"] == "/signed-out"
    assert "SignOut" in portal.world.calls
    assert portal.member.get("/s/sup-1/").status_code == 303


def test_a_session_that_is_over_is_taken_from_the_browser(portal: Portal) -> None:
    portal.world.sessions.clear()
    answer = portal.member.get("/s/sup-1/")
    assert answer.status_code == 303
    assert any(value.startswith("coop-session=;") for value in answer.headers.getlist("Set-Cookie"))


def test_a_forgotten_password_says_the_same_to_everybody(portal: Portal) -> None:
    known = post(portal, "/forgotten-password", email="ana@example.org")
    unknown = post(portal, "/forgotten-password", email="nobody@example.org")
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def test_a_new_password_by_the_mails_link(portal: Portal) -> None:
    page = portal.visitor.get("/reset-password?token=mail-token").text
    form = {"csrf_token": token_of(page), "token": "mail-token", "new_password": PASSWORD}
    assert portal.visitor.post("/reset-password", data={**form, "new_password": "short"}).status_code == 422
    assert portal.visitor.post("/reset-password", data=form).headers["Location"] == "/sign-in"
    assert portal.visitor.post("/reset-password", data={**form, "token": "old"}).status_code == 410


def test_changing_the_password(portal: Portal) -> None:
    good = {"current_password": PASSWORD, "new_password": PASSWORD + "!", "repeated": PASSWORD + "!"}
    wrong = post(portal, "/account/password", member=True, **{**good, "current_password": "wrong wrong wrong"})
    assert wrong.status_code == 422
    assert "La contraseña actual no es correcta." in wrong.text
    unlike = post(portal, "/account/password", member=True, **{**good, "repeated": "another"})
    assert "Las dos contraseñas nuevas no son iguales." in unlike.text
    assert post(portal, "/account/password", member=True, **good).headers["Location"] == "/account"


BIRTH = {"birth_date-day": "27", "birth_date-month": "3", "birth_date-year": "1979"}


def test_adding_a_supply_asks_document_and_birth_date(portal: Portal) -> None:
    answer = post(portal, "/supplies/add", member=True, document=" 12.345.678-z ", **BIRTH)
    assert answer.headers["Location"] == "/supplies/asked"
    asked = next(one for one in portal.world.requests if type(one).__name__ == "RequestAssociationRequest")
    assert (asked.document, asked.birth_date) == ("12.345.678-z", "1979-03-27")
    assert asked.request_id


@pytest.mark.parametrize(
    ("birth", "says"),
    [
        ({"birth_date-day": "31", "birth_date-month": "2"}, "31/2/1979 no es una fecha del calendario"),
        ({"birth_date-day": "x"}, "x/3/1979 no es una fecha"),
        ({"birth_date-year": "2079"}, "no está entre 1900 y hoy"),
        ({"birth_date-day": "", "birth_date-month": "", "birth_date-year": ""}, "día, mes y año"),
        ({"birth_date-year": "9" * 40}, "no es una fecha"),
    ],
)
def test_a_birth_date_that_does_not_exist(portal: Portal, birth: dict[str, str], says: str) -> None:
    answer = post(portal, "/supplies/add", member=True, document="12345678Z", **{**BIRTH, **birth})
    assert answer.status_code == 422
    assert says in answer.text
    assert 'href="#birth_date-day"' in answer.text


def test_a_document_the_service_refuses_is_said_beside_its_field(portal: Portal) -> None:
    answer = post(portal, "/supplies/add", member=True, document="12345678A", **BIRTH)
    assert answer.status_code == 422
    assert 'id="document-error"' in answer.text
    assert 'value="12345678A"' in answer.text


def test_the_code_of_the_mail(portal: Portal) -> None:
    assert post(portal, "/supplies/confirm", member=True, code="000000").status_code == 422
    answer = post(portal, "/supplies/confirm", member=True, code="123 456")
    assert answer.headers["Location"] == "/"
    assert "Se han añadido 2 suministros." in portal.member.get("/supplies").text


def test_the_language_is_the_readers(portal: Portal) -> None:
    page = portal.visitor.get("/help").text
    answer = portal.visitor.post("/language", data={"csrf_token": token_of(page), "language": "en", "next": "/help"})
    assert answer.headers["Location"] == "/help"
    assert '<html lang="en">' in portal.visitor.get("/help").text
