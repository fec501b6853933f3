"""Bearer tokens of the JSON API: a session token in the Authorization header, never a cookie."""

from __future__ import annotations

from apiflask import HTTPTokenAuth
from apiflask.exceptions import HTTPError
from flask import Response, g

from services.chassis.errors import Unauthenticated
from services.gateway import session
from services.gateway.api import problems
from services.gateway.upstream import CallMetadata

auth = HTTPTokenAuth(scheme="Bearer", description="The token that POST /api/v1/sessions gives.")


@auth.verify_token
def verify(token: str) -> session.Member | None:
    """The person of a bearer token; None for no token or one that is over."""
    g.member = None
    if not token:
        return None
    try:
        g.member = session.exchange(token)
    except Unauthenticated:
        return None
    return session.known()


@auth.error_processor
def refuse(_error: HTTPError) -> Response:
    """No session, or one that is over: how to get one."""
    return problems.of_service(
        Unauthenticated("Sign in with POST /api/v1/sessions and send its token as a bearer.", "TOKEN")
    )


def metadata() -> CallMetadata:
    """On behalf of the bearer."""
    return session.member_metadata()
