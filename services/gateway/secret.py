"""The secret that signs form tokens and the messages between two pages, read again when its file changes.

The file has a secret a line. The first one signs; what the others signed is taken too, so that a secret is replaced in three
steps (`coopctl admin secrets --renew gateway-secret`) while replicas read their files at different moments.
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from services.chassis.environment import SettingsError
from services.chassis.secret_files import secret_words, write_once
from services.chassis.telemetry import logger
from services.gateway.settings import Settings


class GatewaySecret:
    """The words as they are now: `words[0]` signs, all of them are taken."""

    def __init__(self, words: tuple[str, ...], path: Path | None = None) -> None:
        self.words = words
        self._path = path
        self._seen = _stamp(path) if path else None
        self._lock = threading.Lock()

    def changed(self) -> bool:
        """Looks at the file; whether there are other words now. A file that cannot be used changes nothing: a line says why."""
        if self._path is None:
            return False
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return False
        with self._lock:
            if stamp == self._seen:
                return False
            self._seen = stamp
            try:
                found = secret_words(self._path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as wrong:
                logger().error("gateway_secret_not_taken", file=str(self._path), problem=str(wrong))
                return False
            other = found != self.words
            self.words = found
        if other:
            logger().info("gateway_secret_taken", words=len(found))
        return other


def gateway_secret(settings: Settings) -> GatewaySecret:
    """The configured secret, or one made once and kept beside the keys, readable by its owner alone.

    Two workers starting together agree on one. Raises SettingsError when it is not there and cannot be made.
    """
    path = settings.files.get("secret")
    if settings.secret and path is None:
        return GatewaySecret((settings.secret,))
    if path is None:
        path = settings.keys_dir / "gateway.secret"
        if not path.exists():
            write_once(path, secrets.token_urlsafe(32).encode())
    try:
        return GatewaySecret(secret_words(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError) as wrong:
        raise SettingsError([f"{path}, the gateway's secret, cannot be used: {wrong}."]) from wrong


def register(app: Flask, secret: GatewaySecret) -> None:
    """The application signs and checks with the secret as it is at the beginning of each request."""
    _take(app, secret.words)
    app.session_interface = _Sessions(secret)


class _Sessions(SecureCookieSessionInterface):
    """Opening the session is the first thing of a request that needs the secret."""

    def __init__(self, secret: GatewaySecret) -> None:
        self._secret = secret

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self._secret.changed():
            _take(app, self._secret.words)
        return super().open_session(app, request)


def _take(app: Flask, words: tuple[str, ...]) -> None:
    # In this order, a request on another thread finds its word among those that are taken, whichever it was signed with.
    app.config["SECRET_KEY_FALLBACKS"] = list(words)
    # Here the newest comes last, and is the one that signs.
    app.config["WTF_CSRF_SECRET_KEY"] = list(reversed(words))
    app.config["SECRET_KEY"] = words[0]


def _stamp(path: Path) -> tuple[Any, ...] | None:
    """What tells that a file was replaced or written to; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
