"""One installation for all tests of the chain on the cluster, with a cooperative in it that has billed a month."""

from __future__ import annotations

import csv
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.bench.cooperative import member_rows, write_reports
from tests.k8s.chain.installation import SECRETS, Installation
from tests.k8s.chain.traffic import MISSING_PART
from tests.k8s.lab import Lab

SUPPLIES = 150


def months_before(today: date, count: int) -> list[str]:
    """The last months that are over, oldest first, as "2026-10"."""
    found: list[str] = []
    while len(found) < count:
        today = today.replace(day=1) - timedelta(days=1)
        found.append(f"{today:%Y-%m}")
    return found[::-1]


MONTHS = months_before(datetime.now(UTC).date(), 3)
"""Billed in this order, each by another test; the invoices are of today, since only recent ones are mailed."""
BILLED = MONTHS[0]
OFFICE, PASSWORD = "office@example.org", "una farola verde enciende"


@dataclass
class Cooperative:
    """An installation in use. `session` is of the member with number 1, who sees her supply."""

    installation: Installation
    gateway: str
    mail: str
    session: str
    supply_id: str
    rows: list[dict[str, str]]

    @property
    def pages(self) -> list[str]:
        """What a member looks at most."""
        here = f"/s/{self.supply_id}"
        return [f"{here}/", f"{here}/invoices", f"{here}/consumption", f"{here}/statement", "/notices"]

    def mails(self, to: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"to": to})
        return list(_read(f"{self.mail}/api/messages?{query}")["messages"])


@pytest.fixture(scope="session")
def applied(lab: Lab) -> Installation:
    """The dev overlay, applied; it comes up meanwhile."""
    here = Installation(lab)
    here.apply()
    return here


@pytest.fixture(scope="session")
def installation(applied: Installation) -> Installation:
    """The dev overlay, applied and ready."""
    applied.await_ready()
    return applied


@pytest.fixture(scope="session")
def cooperative(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cooperative]:
    """The office's first day: its account, members, a month of readings, bills; and a member who opens an account."""
    folder: Path = tmp_path_factory.mktemp("office")
    rows = member_rows(SUPPLIES, "fija-2026", f"{BILLED}-01")
    _open_office(installation)
    with (folder / "members.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    taken = json.loads(installation.coopctl("members", "import", installation.put(folder / "members.csv"), "--json"))
    assert not taken.get("refused"), taken
    installation.settle()
    import_month(installation, folder, BILLED)
    installation.coopctl("bill", "run", "--period", BILLED, "--json")
    installation.settle()
    with installation.door("gateway", 8000) as gateway, installation.door("mail", 8025) as mail:
        session = _open_account(installation, gateway, mail, rows[0])
        until = installation.lab.until
        supply_id = until(lambda: _first_supply(gateway, session), "the member sees her supply")
        made = Cooperative(installation, gateway, mail, session, supply_id, rows)
        for path in made.pages:
            until(lambda path=path: _whole(gateway, session, path), f"{path} comes whole")
        yield made


def import_month(installation: Installation, folder: Path, month: str) -> None:
    """The month's PRIME reports of every meter, as the concentrator wrote them, through `coopctl import readings`."""
    reports = [installation.put(report) for report in write_reports(folder, SUPPLIES, month)]
    installation.coopctl("import", "readings", *reports, timeout_s=500)
    installation.settle()


def _open_office(installation: Installation) -> None:
    """The first account, from the one-time secret; twice is once, so that a kept cluster can be used again."""
    secret = installation.put(SECRETS / "keys" / "identity" / "bootstrap-staff.secret")
    who = ["--email", OFFICE, "--password-stdin"]
    if not installation.sql("identity", "SELECT id FROM account WHERE kind = 'staff' LIMIT 1"):
        words = ["staff", "bootstrap", "--secret-file", secret, "--name", "Office", *who]
        installation.coopctl(*words, stdin=PASSWORD)
    installation.coopctl("login", *who, stdin=PASSWORD)


def _open_account(installation: Installation, gateway: str, mail: str, row: dict[str, str]) -> str:
    """Register, activate with the mail's link, sign in and add the supply by document and birth date; the session."""
    visitor = Visitor(gateway)
    try:
        return visitor.sign_in(row["email"])
    except urllib.error.HTTPError as unknown:  # the first use of this cluster
        if unknown.code != HTTPStatus.UNAUTHORIZED:
            raise
    visitor.send("/register", {"name": row["name"], "email": row["email"], "password": PASSWORD})
    link = r"\S+/activate\?token=\S+"
    text = installation.lab.until(lambda: _mail_with(mail, row["email"], link), "the activation mail came")
    token = urllib.parse.urlsplit(text).query
    visitor.send(f"/activate?{token}", dict(urllib.parse.parse_qsl(token)))
    session = visitor.sign_in(row["email"])
    wanted = {"document": row["document"], "birth_date": row["birth_date"]}
    visitor.api("POST", "/api/v1/associations", wanted, session)
    return session


class Visitor:
    """A browser without a picture: forms with their tokens and cookies, and the JSON API."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def send(self, path: str, fields: dict[str, str]) -> str:
        """The page after a form was sent. Raises HTTPError when it was refused."""
        with self._opener.open(self._base_url + path, timeout=30) as page:
            token = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode())
        assert token, f"{path} has no form"
        sent = urllib.parse.urlencode({**fields, "csrf_token": token[1]}).encode()
        with self._opener.open(self._base_url + path, data=sent, timeout=30) as answer:
            return str(answer.read().decode())

    def sign_in(self, email: str) -> str:
        """The session of a member. Raises HTTPError 401 when nobody has this address and password."""
        return str(self.api("POST", "/api/v1/sessions", {"email": email, "password": PASSWORD})["token"])

    def api(self, method: str, path: str, document: Any = None, session: str = "") -> Any:
        request = urllib.request.Request(self._base_url + path, method=method)
        if document is not None:
            request.data = json.dumps(document).encode()
            request.add_header("Content-Type", "application/json")
        if session:
            request.add_header("Authorization", f"Bearer {session}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def _first_supply(gateway: str, session: str) -> str:
    found = Visitor(gateway).api("GET", "/api/v1/supplies", session=session)["supplies"]
    return str(found[0]["id"]) if found else ""


def _mail_with(mail: str, to: str, pattern: str) -> str:
    for one in _read(f"{mail}/api/messages?{urllib.parse.urlencode({'to': to})}")["messages"]:
        found = re.search(pattern, str(_read(f"{mail}/api/messages/{one['id']}")["text"]))
        if found:
            return found[0]
    return ""


def _whole(gateway: str, session: str, path: str) -> bool:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(gateway).netloc, timeout=20)
    connection.request("GET", path, headers={"Cookie": f"coop-session={session}", "Accept-Language": "en"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status == 200 and MISSING_PART not in text


def _read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)
