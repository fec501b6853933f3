"""Headers, cookies, form tokens, and GETs that change nothing."""

from pathlib import Path

import pytest

from services.chassis.buildinfo import build
from services.gateway.app import create_app
from services.gateway.headers import CONTENT_SECURITY_POLICY
from tests.unit.gateway.conftest import Portal, settings_for
from tests.unit.gateway.test_pages import MEMBER_PAGES, PUBLIC_PAGES

CHANGES = {
    "Register", "Activate", "SignIn", "SignOut", "RequestPasswordReset", "ResetPassword", "ChangePassword",
    "SetCurrentSupply", "RequestAssociation", "ConfirmAssociation", "RequestCertificate", "MarkNoticeRead",
    "SubmitSelfReading",
}  # fmt: skip
POSTS = [
    "/register", "/activate", "/sign-in", "/sign-out", "/forgotten-password", "/reset-password", "/account/password",
    "/supplies/add", "/supplies/confirm", "/supplies/current", "/s/sup-1/certificates", "/notices/n-2", "/language",
    "/s/sup-1/self-reading",
]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/", "/s/sup-1/", "/nowhere", "/api/nowhere", "/api/v1/me", "/healthz", "/static/none.css", "/activate"]
)
def test_the_headers_are_on_every_answer(portal: Portal, path: str) -> None:
    answer = portal.visitor.get(path)
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_obey_the_policy_they_state(portal: Portal) -> None:
    """Nothing inline, nothing from another origin: what the policy would block is not there."""
    for path in [*PUBLIC_PAGES, *MEMBER_PAGES]:
        page = portal.member.get(path).text
        assert " style=" not in page and "<style" not in page and "<script" not in page
        assert "://" not in page.replace("http://www.w3.org", ""), path


def test_an_answer_that_fails_inside_says_nothing_of_it(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.web.pages.profile", lambda: 1 / 0)
    answer = portal.visitor.get("/help")
    assert answer.status_code == 500
    assert "Algo ha fallado por nuestra parte" in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", POSTS)
def test_a_form_without_its_token_does_nothing(portal: Portal, path: str) -> None:
    answer = portal.member.post(path, data={"token": "mail-token", "supply_id": "sup-2", "language": "en", "code": "1"})
    assert answer.status_code == 400
    assert not CHANGES & set(portal.world.calls)


def test_a_crawl_with_get_changes_nothing(portal: Portal) -> None:
    for path in [*PUBLIC_PAGES, *MEMBER_PAGES, *POSTS]:
        portal.member.get(path)
        asked = "&" if "?" in path else "?"
        portal.member.get(f"{path}{asked}token=mail-token&supply_id=sup-2&code=123456")
    assert not CHANGES & set(portal.world.calls)


def test_static_files_are_kept_for_a_year_under_their_hash(portal: Portal) -> None:
    page = portal.visitor.get("/").text
    path = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = portal.visitor.get(path)
    assert "immutable" in answer.headers["Cache-Control"]
    packed = portal.visitor.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert portal.visitor.get(path.replace(path[-8], "0" if path[-8] != "0" else "1")).status_code == 404


def test_home_is_light(portal: Portal) -> None:
    """HTML and CSS of the home page together stay under 60 kB gzipped."""
    import gzip

    page = portal.member.get("/s/sup-1/").text
    path = page.split('rel="stylesheet" href="')[1].split('"')[0]
    style = portal.visitor.get(path, headers={"Accept-Encoding": "gzip"}).data
    assert len(gzip.compress(page.encode())) + len(style) < 60_000


def test_over_https_the_cookies_are_bound_to_the_host(portal: Portal, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, portal.fakes.addresses, COOP_PUBLIC_URL="https://oficina.example")
    client = create_app(settings).test_client()
    page = client.get("/sign-in", base_url="https://oficina.example")
    form = next(value for value in page.headers.getlist("Set-Cookie") if value.startswith("__Host-form="))
    assert "Secure" in form and "Path=/" in form and "Domain" not in form
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post(
        "/sign-in",
        base_url="https://oficina.example",
        data={"csrf_token": token, "email": "ana@example.org", "password": "cuatro palabras bien mías"},
    )
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("__Host-session="))
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_forwarded_addresses_are_believed_only_behind_a_proxy(portal: Portal, tmp_path: Path) -> None:
    header = {"X-Forwarded-For": "203.0.113.50"}
    portal.visitor.get("/verify?code=7Q4M-2K9D-XW3R-5TBN", headers=header)
    assert portal.world.addresses[-1] == "127.0.0.1"
    behind = create_app(settings_for(tmp_path, portal.fakes.addresses, COOP_TRUSTED_PROXIES="1")).test_client()
    behind.get("/verify?code=7Q4M-2K9D-XW3R-5TBN", headers=header)
    assert portal.world.addresses[-1] == "203.0.113.50"


def test_a_large_body_is_refused(portal: Portal) -> None:
    assert portal.visitor.post("/register", data={"name": "x" * 100_000}).status_code == 413


def test_ready_until_draining(portal: Portal) -> None:
    assert portal.visitor.get("/readyz").status_code == 200
    portal.app.extensions["coop.draining"].set()
    assert portal.visitor.get("/readyz").status_code == 503
    assert portal.visitor.get("/healthz").status_code == 200
    assert portal.visitor.get("/version").json == build().document()
