"""The gateway's composition root: profile, services and settings in, a WSGI application out."""

from __future__ import annotations

import secrets
import threading
from datetime import timedelta
from typing import Any

from apiflask import APIFlask
from flask import Flask, g, request, url_for
from flask_babel import get_locale
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from services.chassis import context, tracing
from services.chassis.clock import Clock, SystemClock
from services.chassis.grpc.client import Clients
from services.chassis.grpc.tokens import TokenSigner
from services.chassis.profile import Profile, load_profile
from services.gateway import api, assets, headers, language, secret, session
from services.gateway.access_log import METHODS
from services.gateway.access_log import register as register_access_log
from services.gateway.secret import gateway_secret
from services.gateway.settings import Settings
from services.gateway.upstream import Upstream
from services.gateway.web import (
    account,
    basis_words,
    card_payments,
    certificates,
    consumption,
    consumption_files,
    consumption_words,
    converters,
    direct_debit,
    errors,
    frame,
    health,
    home,
    invitations,
    invoices,
    meter_readings,
    notices,
    pages,
    phrases,
    receipts,
    self_reading,
    supplies,
    verify,
    words,
)

MAX_REQUEST_BYTES = 64 * 1024
"""Nothing that members send is larger than a form."""
FORM_MEMORY_BYTES = 2 * MAX_REQUEST_BYTES
"""Files are read 64 KiB at a time, and what might begin a boundary waits for the next piece: the parser needs room for both.
With room for one piece alone a photo or PDF was refused as too large wherever a piece ended with such bytes."""


def create_app(
    settings: Settings, *, profile: Profile | None = None, upstream: Upstream | None = None, clock: Clock | None = None
) -> Flask:
    """The application. Opens no connection: stubs are made when the first request needs them."""
    profile = profile or load_profile(settings.profile_dir)
    app = APIFlask(
        "services.gateway",
        title=f"{profile.name}: API",
        version="1",
        spec_path=api.SPEC_PATH,
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]
        json_errors=False,
    )
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY_BYTES,
        SESSION_COOKIE_NAME="__Host-form" if settings.https else "coop-form",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_TIME_LIMIT=int(timedelta(hours=12).total_seconds()),
        WTF_CSRF_SSL_STRICT=False,  # the token decides; some browsers and proxies strip Referer
        PAGE_BUDGET_S=settings.page_budget_s,
    )
    secret.register(app, gateway_secret(settings))
    app.extensions["coop.profile"] = profile
    app.extensions["coop.clock"] = clock or SystemClock()
    app.extensions["coop.upstream"] = upstream or _upstream(settings)
    app.extensions["coop.draining"] = threading.Event()
    app.extensions["coop.settings"] = settings
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.before_request(_enter)
    api.configure(app)
    csrf = _register_pages(app, profile)
    _register_api(app, csrf)
    return app


def _register_pages(app: Flask, profile: Profile) -> CSRFProtect:
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    converters.register(app)
    language.register(app, list(profile.languages), profile.default_language, profile.jurisdiction)
    headers.register(app)
    register_access_log(app)
    session.register(app)
    assets.Assets(profile.brand_color).register(app)
    words.register(app)
    phrases.register(app)
    basis_words.register(app)
    consumption_words.register(app)
    meter_readings.register(app)
    self_reading.register(app)
    verify.register(app)
    receipts.register(app)
    csrf = CSRFProtect(app)
    for module in (
        health,
        home,
        account,
        supplies,
        consumption,
        consumption_files,
        meter_readings,
        self_reading,
        invoices,
        card_payments,
        certificates,
        direct_debit,
        receipts,
        invitations,
        verify,
        notices,
        pages,
    ):
        app.register_blueprint(module.blueprint)
    app.register_blueprint(card_payments.from_bank)
    csrf.exempt(card_payments.from_bank)
    errors.register(app)
    app.context_processor(_frame)
    return csrf


def _register_api(app: APIFlask, csrf: CSRFProtect) -> None:
    api.register(app)
    csrf.exempt(api.people.blueprint)
    csrf.exempt(api.records.blueprint)
    csrf.exempt(api.consumption.blueprint)
    csrf.exempt(api.invitations.blueprint)


def _upstream(settings: Settings) -> Upstream:
    signer = TokenSigner(settings.keys_dir, "gateway")
    return Upstream(Clients(settings.addresses, dict, tls_dir=settings.tls_dir), signer.service)


def _enter() -> None:
    """Each request has an id and a trace of its own, which follow it through every call it makes."""
    given = request.headers.get("X-Request-Id", "")
    name = (
        given
        if 8 <= len(given) <= 64 and given.isascii() and given.replace("-", "").isalnum()
        else secrets.token_hex(8)
    )
    route = request.url_rule.rule if request.url_rule else "unknown route"
    method = request.method if request.method in METHODS else "other"
    g.span = tracing.begin(f"{method} {route}", "server", request.headers.get("traceparent", ""))
    g.span.note(http__request__method=method, http__route=route)
    context.enter(context.ANONYMOUS, name, g.span.traceparent)


def _frame() -> dict[str, Any]:
    """What every page's frame needs, whoever reads it."""
    profile = frame.profile()
    me = session.known()
    return {
        "coop": profile,
        "certificate_words": words.certificate_words(profile.jurisdiction),
        "locale": get_locale(),
        "languages": language.offered(),
        "language_names": language.NAMES,
        "home_url": url_for("home.start"),
        "nav": frame.navigation() if me else [],
        "me": me,
        "supply": None,
        "mine": None,
        "section": "",
        "address_line": phrases.address_line(),
        "takes_cards": card_payments.takes_cards(),
        "breakdowns": profile.raw.get("breakdowns_phone", ""),
    }
