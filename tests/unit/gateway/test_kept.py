"""What was typed is not lost when the session ended in the middle of a form, or its token did."""

from __future__ import annotations

from typing import Any

from wtforms import PasswordField

from services.gateway.web.account import ChangePasswordForm, NewPasswordForm, RegisterForm, SignInForm
from tests.unit.gateway.conftest import Portal, token_of
from tests.unit.gateway.fakes import PASSWORD

FORMS = (RegisterForm, SignInForm, NewPasswordForm, ChangePasswordForm)
ADD = {"document": "36.118.204-q", "birth_date-day": "5", "birth_date-month": "11", "birth_date-year": "1991"}
NOT_SENT = "Esto no se envió: revísalo y envíalo otra vez."


def hidden(page: str, name: str) -> str:
    """A hidden input's value, as a browser sends it back."""
    return page.split(f'name="{name}" value="')[1].split('"')[0].replace("&#34;", '"').replace("&amp;", "&")


def sign_in(portal: Portal, page: str, **more: str) -> Any:
    return portal.member.post(
        "/sign-in",
        data={"csrf_token": token_of(page), "email": "ana@example.org", "password": PASSWORD,
              "next": hidden(page, "next"), "kept": hidden(page, "kept"), **more},
    )  # fmt: skip


def over(portal: Portal, path: str, data: dict[str, str]) -> Any:
    """What a form is answered whose session ended while it was filled in."""
    token = token_of(portal.member.get(path).text)
    portal.member.set_cookie("coop-session", "a session that is over")
    return portal.member.post(path, data={"csrf_token": token, **data})


def test_a_form_comes_back_filled_in_after_signing_in_again(portal: Portal) -> None:
    answer = over(portal, "/supplies/add", ADD)
    assert answer.headers["Location"] == "/sign-in?next=/supplies/add"
    page = portal.member.get(answer.headers["Location"]).text
    assert "Tu sesión ha terminado" in page
    again = sign_in(portal, page, password="mal")  # mistyped once: what was kept stays
    assert again.status_code == 422
    back = sign_in(portal, again.text)
    assert back.headers["Location"] == "/supplies/add"
    filled = portal.member.get("/supplies/add").text
    assert NOT_SENT in filled
    assert 'value="36.118.204-q"' in filled and 'value="1991"' in filled
    assert "RequestAssociation" not in portal.world.calls
    emptied = portal.member.get("/supplies/add").text
    assert NOT_SENT not in emptied and "36.118.204-q" not in emptied


def test_nobody_else_gets_what_was_typed(portal: Portal) -> None:
    """Who signs in on another page than the one that followed the form finds the form empty."""
    page = portal.member.get(over(portal, "/supplies/add", ADD).headers["Location"]).text
    assert "36.118.204-q" in page
    fresh = portal.member.get("/sign-in").text
    assert "36.118.204-q" not in fresh
    portal.member.post(
        "/sign-in", data={"csrf_token": token_of(fresh), "email": "ana@example.org", "password": PASSWORD}
    )
    assert "36.118.204-q" not in portal.member.get("/supplies/add").text


def test_passwords_are_not_kept_and_nothing_made_up_is_taken(portal: Portal) -> None:
    with portal.app.test_request_context():
        boxes = {box.name for form in FORMS for box in form() if isinstance(box, PasswordField)}
    location = over(portal, "/account/password", dict.fromkeys(boxes, PASSWORD)).headers["Location"]
    page = portal.member.get(location).text
    assert len(boxes) == 4 and PASSWORD not in page
    portal.member.set_cookie("coop-session", "")
    for made_up in ("{", '{"path": "/account/password"}', "[]", '{"path": "/", "values": [], "files": false}'):
        fresh = portal.member.get("/sign-in?next=/supplies/add").text
        answer = portal.member.post(
            "/sign-in?next=/supplies/add",
            data={"csrf_token": token_of(fresh), "email": "ana@example.org", "password": PASSWORD, "kept": made_up},
        )
        assert answer.headers["Location"] == "/supplies/add"
        assert NOT_SENT not in portal.member.get("/supplies/add").text
        portal.member.set_cookie("coop-session", "")


def test_a_token_of_another_tab_gives_the_form_back(portal: Portal) -> None:
    """Signing in again in another tab ends the tokens of this one; only a form of our own comes back."""
    portal.member.get("/supplies/add")
    sent = {"csrf_token": "of before", **ADD}
    answer = portal.member.post("/supplies/add", data=sent, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/supplies/add")
    filled = portal.member.get("/supplies/add").text
    assert NOT_SENT in filled and 'value="36.118.204-q"' in filled
    for elsewhere in ({"Sec-Fetch-Site": "cross-site"}, {}):
        refused = portal.member.post("/supplies/add", data=sent, headers=elsewhere)
        assert refused.status_code == 400
        assert "El formulario estuvo abierto demasiado tiempo o venía de otra página." in refused.text
    assert "RequestAssociation" not in portal.world.calls


def test_a_photo_too_many_bytes_for_a_visitor_leads_to_signing_in(portal: Portal) -> None:
    portal.member.set_cookie("coop-session", "a session that is over")
    answer = portal.member.post("/s/sup-1/self-reading", data={"P1": "1204", "photo": "x" * 100_000})
    assert answer.headers["Location"] == "/sign-in?next=/s/sup-1/self-reading"


def test_a_page_that_refuses_a_method_says_which_it_takes(portal: Portal) -> None:
    assert "GET" in portal.visitor.post("/legal").headers.get("Allow", "GET")
    assert "POST" in portal.visitor.get("/sign-out").headers["Allow"]
