"""Pages that say the same to everybody, and the choice of language."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.gateway import language as languages
from services.gateway import session
from services.gateway.web.frame import profile

blueprint = Blueprint("pages", __name__)

A_YEAR_S = 365 * 24 * 3600


@blueprint.get("/help")
def help() -> ResponseReturnValue:
    return render_template("pages/help.html", coop_full=profile(), payment=profile().section("payment"))


@blueprint.get("/legal")
def legal() -> ResponseReturnValue:
    return render_template("pages/legal.html", coop_full=profile())


@blueprint.get("/accessibility")
def accessibility() -> ResponseReturnValue:
    return render_template("pages/accessibility.html", coop_full=profile())


@blueprint.post("/language")
def language() -> ResponseReturnValue:
    """Keep the reader's language and go back to the page they were on."""
    wanted = request.form.get("language", "")
    response = redirect(session.safe_next(request.form.get("next", "")) or url_for("home.start"), 303)
    if wanted in current_app.extensions["coop.languages"]:
        response.set_cookie(
            languages.COOKIE,
            wanted,
            max_age=A_YEAR_S,
            httponly=True,
            samesite="Lax",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
        )
    return response


@blueprint.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Search engines may know the front door, nothing behind it."""
    return "User-agent: *\nAllow: /$\nAllow: /help\nDisallow: /\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
