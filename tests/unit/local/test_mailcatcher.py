"""The mail catcher: takes, keeps, shows, and lets nothing in a mail act in the page."""

from __future__ import annotations

import json
import smtplib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.chassis.environment import load
from services.local.mailbox import Mailbox
from services.local.mailcatcher import Catcher, Settings, linked, make_app
from services.local.ports import free_port

PDF = b"%PDF-1.4\n"


def mail(to: str = "ana@example.org", subject: str = "Su factura", text: str = "Hola\n") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "office@example.org", to, subject
    made["Message-ID"] = "<1@example.org>"
    made.set_content(text)
    made.add_alternative("<script>alert(1)</script><p>Hola</p>", subtype="html")
    made.add_attachment(PDF, maintype="application", subtype="pdf", filename="Factura ñ.pdf")
    return made


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[tuple[Catcher, str, int]]:
    smtp, http = free_port(), free_port()
    environment = {
        "COOP_DATA_DIR": str(tmp_path),
        "COOP_SMTP_ADDRESS": f"127.0.0.1:{smtp}",
        "COOP_MAILBOX_ADDRESS": f"127.0.0.1:{http}",
    }
    running = Catcher(load(Settings, environment))
    running.start()
    yield running, f"http://127.0.0.1:{http}", smtp
    running.stop()


def send(port: int, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for one in mails:
            connection.send_message(one)


def test_a_mail_that_was_taken_is_on_the_page_with_its_attachment(catcher: tuple[Catcher, str, int]) -> None:
    _, url, smtp = catcher
    send(smtp, mail(text="Abra http://127.0.0.1:8000/activate?token=a&b=<c>\n"))
    (found,) = json.load(urllib.request.urlopen(f"{url}/api/messages"))["messages"]
    opened = json.load(urllib.request.urlopen(f"{url}/api/messages/{found['id']}"))
    assert opened["attachments"][0]["name"] == "Factura ñ.pdf"
    assert opened["text"] == "Abra http://127.0.0.1:8000/activate?token=a&b=<c>\n"
    with urllib.request.urlopen(url + opened["attachments"][0]["url"]) as answer:
        assert answer.read() == PDF
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
    page = urllib.request.urlopen(f"{url}/m/{found['id']}").read().decode()
    assert '<a href="http://127.0.0.1:8000/activate?token=a&amp;b="' in page
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_restart_keeps_every_mail(tmp_path: Path) -> None:
    first = Mailbox(tmp_path)
    kept = [first.add(mail(subject=f"Mail {number}").as_bytes()) for number in range(3)]
    assert Mailbox(tmp_path).find() == kept[::-1]


def test_mails_are_found_by_address_and_after_another(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    first = mailbox.add(mail("ana@example.org").as_bytes())
    mailbox.add(mail("luis@example.org").as_bytes())
    last = mailbox.add(mail("Ana@Example.org").as_bytes())
    assert mailbox.find("ana@example.org") == [last, first]
    assert mailbox.find("ana@example.org", after=first.id) == [last]


def test_waiting_ends_when_the_mail_arrives(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    waiting = threading.Event()

    def deliver() -> None:
        waiting.wait(60)
        mailbox.add(mail("luis@example.org").as_bytes())
        mailbox.add(mail("ana@example.org").as_bytes())

    thread = threading.Thread(target=deliver)
    thread.start()
    waiting.set()
    assert [found.to for found in mailbox.wait("ana@", "", 10)] == ["ana@example.org"]
    thread.join()
    assert mailbox.wait("nobody@", "", 0.01) == []


def test_every_answer_forbids_scripts_and_sniffing(tmp_path: Path) -> None:
    client = make_app(Mailbox(tmp_path)).test_client()
    for path in ("/", "/api/messages", "/m/none", "/inbox/inbox.css"):
        answer = client.get(path, headers={"Host": "127.0.0.1:8025"})
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_another_sites_name_for_this_address_is_not_answered(tmp_path: Path) -> None:
    client = make_app(Mailbox(tmp_path)).test_client()
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost:8025"}).status_code == 200


def test_what_is_not_there_is_404(catcher: tuple[Catcher, str, int]) -> None:
    _, url, _ = catcher
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{url}/m/none")
    assert missing.value.code == 404


def test_a_mail_without_headers_is_kept_too(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    summary = mailbox.add(b"just a line")
    assert summary.subject == "(no subject)"
    assert mailbox.open(summary.id) is not None


def test_only_web_addresses_become_links() -> None:
    assert linked("javascript:alert(1) <b>") == "javascript:alert(1) &lt;b&gt;"
    assert 'href="https://x.example/?a=&#34;' not in linked('https://x.example/?a="b')


def test_a_page_that_is_long_continues_on_the_next(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for number in range(101):
        mailbox.add(mail(subject=f"Mail {number}").as_bytes())
    client = make_app(mailbox).test_client()
    first = client.get("/", headers={"Host": "127.0.0.1"}).text
    assert "Mail 100<" in first and "Mail 0<" not in first and "Older mails" in first
    older = first.split('href="/?to=&amp;before=')[1].split('"')[0]
    assert "Mail 0<" in client.get(f"/?before={older}", headers={"Host": "127.0.0.1"}).text
