"""The bank of a demonstration: takes the signed form of a card payment, lets the visitor decide, and tells the cooperative.

    python -m services.local.sandbox_bank

It charges nobody. It speaks as Redsys does: checks the form's signature, sends the signed notification from server to server,
again when nobody takes it, and only then sends the browser back. It starts for a profile alone whose terminal is the sandbox.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

from services.chassis.config import parse_address
from services.chassis.environment import SettingsError, load, setting
from services.chassis.errors import CoopError
from services.chassis.profile import load_profile
from services.local.bank_messages import Asked, answer, read_form
from services.local.bank_post import Post
from services.local.bank_words import words
from services.local.settings import has_sandbox_bank

KEY_FILE = "card-terminal.secret"
MAX_FORM_BYTES = 16 * 1024
#: What each button answers (Ds_Response), and how often the notification is sent.
DECISIONS = {"pay": ("0000", 1), "twice": ("0000", 2), "refuse": ("0190", 1), "leave": ("9915", 1)}


@dataclass(frozen=True)
class Settings:
    data_dir: Path = setting("COOP_DATA_DIR", default="var", parse=Path, help="folder of everything that is kept")
    keys: str = setting("COOP_KEYS_DIR", default="", help="folder of keys; empty means keys/ under COOP_DATA_DIR")
    profile_dir: Path = setting("COOP_PROFILE_DIR", default="profiles/demo-es", parse=Path)
    public_url: str = setting("COOP_PUBLIC_URL", default="http://127.0.0.1:8000", help="address members type")
    address: str = setting("COOP_SANDBOX_BANK_ADDRESS", default="127.0.0.1:8026", parse=parse_address)

    @property
    def keys_dir(self) -> Path:
        return Path(self.keys) if self.keys else self.data_dir / "keys"


class Bank:
    """What the bank remembers: which orders it has answered. A second attempt under an order is refused, as banks do."""

    def __init__(self, keys_dir: Path, public_url: str) -> None:
        self._key_file = keys_dir / KEY_FILE
        self.public_url = public_url.rstrip("/")
        self.post = Post()
        self._answered: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def key(self) -> str:
        return self._key_file.read_text(encoding="ascii").strip()

    def answered(self, order: str) -> str:
        """What was answered to an order; empty while it is open."""
        return self._answered.get(order, "")

    def decide(self, asked: Asked, response: str, times: int) -> str:
        """Answers the order once and tells the shop. Gives where the browser goes, as does a button pressed twice."""
        with self._lock:
            first = asked.order not in self._answered
            known = self._answered.setdefault(asked.order, response)
        if first:
            authorisation = f"{secrets.randbelow(10**6):06d}" if response <= "0099" else ""
            fields = answer(asked, self.key, response, authorisation, datetime.now(UTC))
            for _ in range(times):
                self.post.send(asked.notify_url, fields)
        return asked.ok_url if known <= "0099" else asked.ko_url


pages = Blueprint("bank", __name__, template_folder="bank", static_folder="bank", static_url_path="/bank")


def make_app(bank: Bank) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config.update(bank=bank, MAX_CONTENT_LENGTH=MAX_FORM_BYTES)
    app.register_blueprint(pages)
    app.register_error_handler(CoopError, _refused)
    origin = urlsplit(bank.public_url)
    # The answer to a button leads the browser back: that is a form's way too.
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {origin.scheme}://{origin.netloc}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _bank() -> Bank:
    found: Bank = current_app.config["bank"]
    return found


def _asked() -> Asked:
    bank = _bank()
    return read_form(request.form, bank.key, bank.public_url)


@pages.get("/")
def alive() -> ResponseReturnValue:
    return "This is the bank of a demonstration. It charges nobody.\n", 200, {"Content-Type": "text/plain"}


@pages.post("/sis/realizarPago")
def pay() -> ResponseReturnValue:
    """The page where a card would be asked for."""
    asked = _asked()
    said = words(asked.language)
    if _bank().answered(asked.order):
        return render_template("repeated.html", asked=asked, said=said), 409
    return render_template("pay.html", asked=asked, said=said, sent=request.form)


@pages.post("/sis/answer")
def decide() -> ResponseReturnValue:
    """The visitor's decision, told to the shop before the browser goes back there."""
    asked = _asked()
    response, times = DECISIONS.get(request.form.get("decision", ""), DECISIONS["leave"])
    return redirect(_bank().decide(asked, response, times), 303)


def _refused(error: CoopError) -> ResponseReturnValue:
    return render_template("refused.html", why=error.message, said=words("")), 400


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """No access log: nothing here is worth keeping."""


class Server:
    """The bank's page; `start` returns when it listens."""

    def __init__(self, settings: Settings) -> None:
        profile = load_profile(settings.profile_dir)
        if not has_sandbox_bank(profile):
            raise SettingsError(
                [f"{settings.profile_dir}: no demonstration whose [payment.card] says mode = 'sandbox'; start no bank."]
            )
        host, _, port = settings.address.rpartition(":")
        self._bank = Bank(settings.keys_dir, settings.public_url)
        app = make_app(self._bank)
        self._http = make_server(host, int(port), app, threaded=True, request_handler=_QuietHandler)
        self.port: int = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, name="bank-page", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._bank.post.stop()


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        server = Server(load(Settings))
        server.start()
    except (SettingsError, OSError) as wrong:
        print(f"The sandbox bank cannot start: {wrong}", file=sys.stderr)
        return 1
    stop.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
