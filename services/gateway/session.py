"""Who is signed in: the session cookie, and the sixty-second token it is exchanged for on each request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from coop.identity.v1 import identity_service_pb2 as identity
from flask import Flask, Response, current_app, flash, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from services.chassis.errors import Unauthenticated
from services.chassis.grpc.client import remote
from services.gateway import kept
from services.gateway.compose.fanout import Fanout
from services.gateway.upstream import CallMetadata, Upstream

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


@dataclass(frozen=True)
class Member:
    """The person of this request."""

    account_id: str
    email: str
    name: str
    access_token: str


def upstream() -> Upstream:
    """The services, as this application knows them."""
    return cast(Upstream, current_app.extensions["coop.upstream"])


def cookie_name() -> str:
    """`__Host-session` wherever pages travel over HTTPS. Browsers refuse that prefix without it, so on plain http
    (one machine, loopback) the cookie has a name of its own."""
    return "__Host-session" if current_app.config["SESSION_COOKIE_SECURE"] else "coop-session"


def start(response: Response, token: str) -> None:
    """Give the browser its session. No lifetime: it ends with the browser, and earlier when identity says so."""
    response.set_cookie(
        cookie_name(),
        token,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        path="/",
    )


def end(response: Response) -> None:
    """Take the session away from the browser."""
    response.delete_cookie(
        cookie_name(), httponly=True, samesite="Lax", secure=current_app.config["SESSION_COOKIE_SECURE"], path="/"
    )


def client_address() -> str:
    return request.remote_addr or ""


def exchange(session_token: str) -> Member:
    """The person a session token stands for. Raises Unauthenticated when it stands for nobody (any more)."""
    with remote():
        answer = upstream().identity.IssueAccessToken(
            identity.IssueAccessTokenRequest(session_token=session_token),
            metadata=anonymous_metadata(),
        )
    account = answer.account
    return Member(account.id, account.email, account.name, answer.access_token)


def signed_in() -> Member | None:
    """The person of this request, asked for once; None for a visitor."""
    if "member" not in g:
        token = request.cookies.get(cookie_name(), "")
        g.member = None
        if token:
            try:
                g.member = exchange(token)
            except Unauthenticated:
                g.session_over = True
    return cast("Member | None", g.member)


def known() -> Member | None:
    """The person of this request if they have been asked for already; never a call of its own, so that an error page
    can be drawn while identity is down."""
    return cast("Member | None", g.get("member"))


def member() -> Member:
    """The person of this request. Raises Unauthenticated for a visitor."""
    found = signed_in()
    if found is None:
        raise Unauthenticated("You have to sign in first.", "SIGN_IN")
    return found


def anonymous_metadata() -> CallMetadata:
    return upstream().as_gateway(client_address())


def member_metadata() -> CallMetadata:
    return upstream().as_caller(member().access_token, client_address())


def fanout() -> Fanout:
    """The fan-out of this page, on behalf of the member."""
    return Fanout(member_metadata(), current_app.config["PAGE_BUDGET_S"])


def members_only(view: ViewT) -> ViewT:
    """A page for members: a visitor is sent to sign in and comes back here afterwards."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if signed_in() is None:
            return to_sign_in()
        return view(*args, **kwargs)

    return cast(ViewT, checked)


def to_sign_in() -> BaseResponse:
    """To the sign-in page, remembering where a GET wanted to go, and of a form its page and what was typed into it."""
    asked_for_a_page = request.method in ("GET", "HEAD")
    wanted = kept.here() if asked_for_a_page or kept.keep() else None
    if g.get("session_over") or not asked_for_a_page:
        flash(_("Your session is over: sign in again."), "due")
    return redirect(url_for("account.sign_in", next=wanted), 303)


def safe_next(wanted: str) -> str:
    """A path of ours to go to, or "" for anything that could lead elsewhere."""
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\n" not in wanted and "\r" not in wanted
    return wanted if ours and "\\" not in wanted else ""


def register(app: Flask) -> None:
    """Drop the cookie of a session that is over, so that the browser stops sending it."""

    @app.after_request
    def forget(response: Response) -> Response:
        if g.get("session_over") and cookie_name() not in response.headers.get("Set-Cookie", ""):
            end(response)
        return response
