"""Alive, ready, and which version: what keepers and balancers ask."""

from __future__ import annotations

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from services.chassis.buildinfo import build

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready() -> ResponseReturnValue:
    """New requests are welcome: not while draining. A service behind us that is down does not make us unready, for
    pages answer without it."""
    if current_app.extensions["coop.draining"].is_set():
        return {"status": "draining"}, 503
    return {"status": "ok"}


@blueprint.get("/version")
def running() -> ResponseReturnValue:
    """Version and commit, as the image was built or as the checkout is."""
    return build().document()  # type: ignore[return-value]
