"""The local mail catcher: takes every mail on a loopback SMTP port, delivers none, and shows them on a page.

    python -m services.local.mailcatcher

For one machine only: whoever reaches the page reads every mail. Messages are kept under `mail/` of the data folder.

    GET /api/messages?to=ana@example.org&after=ID&wait=20   the newest first; with `wait`, answers when the first one is there
    GET /api/messages/ID                                    one message with text and attachments
"""

from __future__ import annotations

import re
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, render_template, request, send_file
from markupsafe import Markup, escape
from werkzeug.serving import WSGIRequestHandler, make_server

from services.chassis.config import parse_address
from services.chassis.environment import SettingsError, load, setting
from services.local.mailbox import Mailbox, Opened, Summary

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = 100
MAX_WAIT_S = 60.0
_URL = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Settings:
    data_dir: Path = setting("COOP_DATA_DIR", default="var", parse=Path, help="folder of everything that is kept")
    smtp_address: str = setting("COOP_SMTP_ADDRESS", default="127.0.0.1:8024", parse=parse_address, help="SMTP")
    http_address: str = setting("COOP_MAILBOX_ADDRESS", default="127.0.0.1:8025", parse=parse_address, help="the page")


class _Taker:
    """aiosmtpd's handler: a mail is accepted once it is on the disk."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        self._mailbox.add(content if isinstance(content, bytes) else content.encode())
        return "250 Kept for whoever looks"


pages = Blueprint("pages", __name__, template_folder="inbox", static_folder="inbox", static_url_path="/inbox")


def make_app(mailbox: Mailbox, host: str = "127.0.0.1") -> Flask:
    """The page over a mailbox. On a loopback address only loopback names are answered, so that no web site can point
    its own name here and read along."""
    app = Flask(__name__, static_folder=None)
    app.config["mailbox"] = mailbox
    app.config["loopback"] = host in ("127.0.0.1", "::1", "localhost")
    app.register_blueprint(pages)
    app.before_request(_only_by_own_name)
    app.after_request(_headers)
    app.template_filter("linked")(linked)
    return app


def _only_by_own_name() -> None:
    if current_app.config["loopback"]:
        name = request.host.rpartition(":")[0] or request.host
        if name not in ("127.0.0.1", "localhost", "[::1]"):
            abort(421)


def _headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def linked(text: str) -> Markup:
    """Text of a mail, safe, with its web addresses as links."""
    made, last = Markup(), 0
    for found in _URL.finditer(text):
        made += escape(text[last : found.start()])
        made += Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(found[0])
        last = found.end()
    return made + escape(text[last:])


@pages.get("/")
def index() -> str:
    to = request.args.get("to", "").strip()
    before = request.args.get("before", "")
    found = [mail for mail in _mailbox().find(to) if not before or mail.id < before]
    older = found[PAGE - 1].id if len(found) > PAGE else ""
    return render_template("list.html", mails=found[:PAGE], to=to, older=older, total=len(found))


@pages.get("/m/<mail_id>")
def show(mail_id: str) -> str:
    return render_template("message.html", mail=_opened(mail_id))


@pages.get("/m/<mail_id>/attachments/<int:number>")
def attachment(mail_id: str, number: int) -> Response:
    parts = _opened(mail_id).attachments
    if not 1 <= number <= len(parts):
        abort(404)
    part = parts[number - 1]
    # Always as a file of unknown kind: nothing that came by mail is shown in the page's own origin.
    name = Path(part.name).name
    return send_file(BytesIO(part.content), "application/octet-stream", as_attachment=True, download_name=name)


@pages.get("/api/messages")
def api_list() -> Response:
    to, after = request.args.get("to", ""), request.args.get("after", "")
    wait = request.args.get("wait", 0.0, type=float)
    mailbox = _mailbox()
    found = mailbox.wait(to, after, min(wait, MAX_WAIT_S)) if wait > 0 else mailbox.find(to, after)
    return jsonify({"messages": [_plain(mail) for mail in found[:PAGE]], "total": len(found)})


@pages.get("/api/messages/<mail_id>")
def api_show(mail_id: str) -> Response:
    opened = _opened(mail_id)
    parts = [
        {
            "name": part.name,
            "content_type": part.content_type,
            "size": len(part.content),
            "url": f"/m/{mail_id}/attachments/{n}",
        }
        for n, part in enumerate(opened.attachments, start=1)
    ]
    return jsonify({**_plain(opened.summary), "text": opened.text, "html": opened.html, "attachments": parts})


def _plain(mail: Summary) -> dict[str, Any]:
    return {**asdict(mail), "date": mail.date.isoformat()}


def _mailbox() -> Mailbox:
    found: Mailbox = current_app.config["mailbox"]
    return found


def _opened(mail_id: str) -> Opened:
    opened = _mailbox().open(mail_id)
    if opened is None:
        abort(404)
    return opened


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """No access log: the requests name people's addresses."""


class Catcher:
    """SMTP and page together; `start` returns when both listen."""

    def __init__(self, settings: Settings) -> None:
        smtp_host, _, smtp_port = settings.smtp_address.rpartition(":")
        http_host, _, http_port = settings.http_address.rpartition(":")
        mailbox = Mailbox(settings.data_dir / "mail")
        self._smtp = Controller(_Taker(mailbox), hostname=smtp_host, port=int(smtp_port), server_hostname="localhost")
        self._http = make_server(
            http_host, int(http_port), make_app(mailbox, http_host), threaded=True, request_handler=_QuietHandler
        )
        self.http_port: int = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, name="inbox-page", daemon=True)

    def start(self) -> None:
        self._smtp.start()
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._smtp.stop()


def main() -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load(Settings)
        catcher = Catcher(settings)
        catcher.start()
    except (SettingsError, OSError) as wrong:
        print(f"The mail catcher cannot start: {wrong}", file=sys.stderr)
        return 1
    stop.wait()
    catcher.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
