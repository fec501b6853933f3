"""The bank of a demonstration: believes signed forms alone, answers each order once, and tells until somebody listens."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.billing.domain.payments.redsys import SHA256, SHA512, Shop, check_against, payment_form, read_notification
from services.chassis.environment import SettingsError, load
from services.local.bank_post import Post
from services.local.sandbox_bank import KEY_FILE, Bank, Server, Settings, make_app
from tests.support.stack import ROOT

KEY = "sq7HjrUOBfKmC576ILgskD5srU870gJ7"
SHOP = Shop("999008881", "1", KEY)
COOP = "http://127.0.0.1:8000"
BACK = f"{COOP}/s/sup-1/pay/000100000000"


class Told(Post):
    """Keeps what it is given instead of sending it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, Mapping[str, str]]] = []

    def send(self, url: str, fields: Mapping[str, str]) -> bool:
        self.sent.append((url, fields))
        return True


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    (tmp_path / KEY_FILE).write_text(KEY)
    made = Bank(tmp_path, COOP)
    made.post = Told()
    return made


@pytest.fixture
def visitor(bank: Bank) -> FlaskClient:
    return make_app(bank).test_client()


def form(order: str = "000100000000", *, version: str = SHA512, language: str = "001", **urls: str) -> dict[str, str]:
    ways = {"notify_url": f"{COOP}/payments/card/notification", "ok_url": f"{BACK}?ok", "ko_url": f"{BACK}?ko", **urls}
    return payment_form(SHOP, order, 5544, version=version, language=language, description="Vallesol", **ways)  # type: ignore[arg-type]


def told(bank: Bank) -> list[tuple[str, Mapping[str, str]]]:
    assert isinstance(bank.post, Told)
    return bank.post.sent


def test_the_page_says_what_is_paid_and_that_nobody_is_charged(visitor: FlaskClient) -> None:
    page = visitor.post("/sis/realizarPago", data=form())
    assert page.status_code == 200
    for words in ("55,44 €", "999008881", "000100000000", "Vallesol", "no cobra a nadie"):
        assert words in page.text
    assert re.findall(r'name="decision" value="(\w+)"', page.text) == ["pay", "refuse", "leave", "twice"]
    assert "charges nobody" in visitor.post("/sis/realizarPago", data=form(language="002")).text
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {COOP};" in policy and "script" not in policy


@pytest.mark.parametrize("version", [SHA256, SHA512])
@pytest.mark.parametrize(
    ("decision", "response", "times", "way"),
    [("pay", "0000", 1, "?ok"), ("twice", "0000", 2, "?ok"), ("refuse", "0190", 1, "?ko"), ("leave", "9915", 1, "?ko")],
)
def test_each_decision_is_told_as_redsys_tells_it(
    bank: Bank, visitor: FlaskClient, version: str, decision: str, response: str, times: int, way: str
) -> None:
    sent = form(version=version)
    answer = visitor.post("/sis/answer", data={**sent, "decision": decision})
    assert (answer.status_code, answer.headers["Location"]) == (303, BACK + way)
    assert len(told(bank)) == times
    url, fields = told(bank)[0]
    assert url == f"{COOP}/payments/card/notification"
    said = read_notification(fields, KEY)
    check_against(said, SHOP, "000100000000", 5544)
    assert said.response == response and fields["Ds_SignatureVersion"] == version
    assert bool(said.authorisation) == (response == "0000")
    assert not set("+/") & set(fields["Ds_MerchantParameters"] + fields["Ds_Signature"])


def test_an_order_is_answered_once(bank: Bank, visitor: FlaskClient) -> None:
    visitor.post("/sis/answer", data={**form(), "decision": "pay"})
    again = visitor.post("/sis/answer", data={**form(), "decision": "refuse"})
    assert again.headers["Location"] == f"{BACK}?ok" and len(told(bank)) == 1
    repeated = visitor.post("/sis/realizarPago", data=form())
    assert repeated.status_code == 409 and "SIS0051" in repeated.text and f'href="{BACK}?ko"' in repeated.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Ds_Signature": "Zm9yZ2Vk"}, "SIS0042"),
        ({"Ds_MerchantParameters": "%%%"}, "not a JSON object"),
        (form(notify_url="http://192.0.2.1/steal"), "is not below http://127.0.0.1:8000"),
        (form(ok_url=f"{COOP}.example/"), "is not below http://127.0.0.1:8000"),
    ],
)
def test_a_form_that_is_not_the_cooperatives_is_refused(
    bank: Bank, visitor: FlaskClient, changes: dict[str, str], words: str
) -> None:
    for path in ("/sis/realizarPago", "/sis/answer"):
        answer = visitor.post(path, data={**form(), **changes, "decision": "pay"})
        assert answer.status_code == 400 and words in answer.text
    assert told(bank) == []


def test_it_starts_for_a_demonstration_with_its_terminal_alone(tmp_path: Path) -> None:
    environ = {"COOP_DATA_DIR": str(tmp_path), "COOP_SANDBOX_BANK_ADDRESS": "127.0.0.1:0"}
    with pytest.raises(SettingsError, match="no demonstration whose"):
        Server(load(Settings, {**environ, "COOP_PROFILE_DIR": str(ROOT / "profiles" / "demo-ar")}))


@pytest.fixture
def deaf_shop() -> Iterator[tuple[str, list[int]]]:
    """Answers 503, then 200; gives its address and the statuses it answered."""
    answered: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answered.append(503 if not answered else 200)
            self.send_response(answered[-1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", answered
    server.shutdown()
    server.server_close()


def test_it_tells_again_until_somebody_listens(deaf_shop: tuple[str, list[int]]) -> None:
    url, answered = deaf_shop
    assert Post().send(url, {"Ds_Signature": "x"})
    assert answered == [503, 200]
