"""The demonstration, watched: one trace from the page to the handler of its event, lines that say nothing of persons,
metrics as they are documented, and what `coopctl status` tells of it all."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.chassis.profile import load_profile
from services.local.demo.logins import STAFF_PASSWORD
from services.staff import session as staff_session
from tests.support.collector import Collector, SeenSpan
from tests.support.metrics_catalogue import catalogue
from tests.support.office import PASSWORD, Session, open_account
from tests.support.service_under_test import eventually
from tests.support.stack import ROOT, Stack

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
BROWSER = "0" * 15 + "1"
"""The span of whoever sends the request, which no process of ours sends."""
PARTS = ("identity", "supplies", "metering", "billing", "notifications", "gateway")


def submitted(stack: Stack, path: str, trace: str, cookies: tuple[str, ...], **fields: str) -> str:
    """Opens a page with a form and sends it, as a browser that names a trace; the address that it leads to."""
    page = f"{stack.base_url}{path}"
    opened = urllib.request.Request(page, headers={"Cookie": "; ".join(cookies)})
    with urllib.request.urlopen(opened, timeout=60) as answer:
        token = answer.read().decode().split('name="csrf_token" value="')[1].split('"')[0]
        form_cookie = answer.headers["Set-Cookie"].partition(";")[0]
    request = urllib.request.Request(page, urllib.parse.urlencode({"csrf_token": token, **fields}).encode())
    request.add_header("Cookie", "; ".join((*cookies, form_cookie)))
    request.add_header("traceparent", f"00-{trace}-{BROWSER}-01")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
        return str(answer.url)


def changed_password(stack: Stack, member: Session, trace: str) -> None:
    new = "otra farola verde enciende"
    fields = {"current_password": PASSWORD, "new_password": new, "repeated": new}
    cookie = f"coop-session={member.session_token}"
    assert submitted(stack, "/account/password", trace, (cookie,), **fields).endswith("/account")


def whole_trace(traces: Collector, trace: str, last: str) -> dict[str, SeenSpan]:
    """The spans of a trace by their ids, once one of the name `last` has come and, of every span, the one above it: each
    process sends its own."""

    def whole() -> bool:
        seen = traces.trace(trace)
        return any(span.name == last for span in seen) and {span.parent for span in seen} - {BROWSER} <= {
            span.id for span in seen
        }

    eventually(whole)
    return {span.id: span for span in traces.trace(trace)}


def line(spans: dict[str, SeenSpan], name: str) -> list[tuple[str, str, int]]:
    """From the one span of this name up to the page."""
    [span] = [one for one in spans.values() if one.name == name]
    found = [(span.service, span.name, span.kind)]
    while span.parent in spans:
        span = spans[span.parent]
        found.append((span.service, span.name, span.kind))
    return found


def test_one_trace_leads_from_the_page_to_the_handler_of_its_event(stack: Stack, traces: Collector) -> None:
    member = open_account(stack, "traced@example.org", "Traced Person")
    trace = secrets.token_hex(16)
    changed_password(stack, member, trace)
    handler = "handle coop.identity.events.v1.PasswordChanged"

    spans = whole_trace(traces, trace, handler)
    method = "coop.identity.v1.IdentityService/ChangePassword"
    assert line(spans, handler) == [
        ("notifications", handler, CONSUMER),
        ("identity", "publish coop.identity.account.v1", PRODUCER),
        ("identity", method, SERVER),
        ("gateway", method, CLIENT),
        ("gateway", "POST /account/password", SERVER),
    ]
    assert not any(span.failed for span in spans.values())
    said = json.dumps([span.attributes for span in spans.values()])
    assert "traced" not in said.lower() and member.account_id not in said


def test_one_trace_leads_from_the_page_to_the_mail_that_it_causes(stack: Stack, traces: Collector) -> None:
    trace = secrets.token_hex(16)
    submitted(stack, "/register", trace, (), name="Traced Twice", email="traced.twice@example.org", password=PASSWORD)
    spans = whole_trace(traces, trace, "send mail")
    method = "coop.identity.v1.IdentityService/Register"
    assert line(spans, "send mail") == [
        ("notifications", "send mail", INTERNAL),
        ("notifications", "handle coop.identity.events.v1.ActivationRequested", CONSUMER),
        ("identity", "publish coop.identity.account.v1", PRODUCER),
        ("identity", "settle registration", INTERNAL),
        ("identity", method, SERVER),
        ("gateway", method, CLIENT),
        ("gateway", "POST /register", SERVER),
    ]
    # What is asked of others for the mail, and what is told of it, belongs to it.
    under = {span.name for span in spans.values() if spans.get(span.parent) and spans[span.parent].name == "send mail"}
    assert under == {"coop.identity.v1.IdentityService/IssueMailToken", "publish coop.notifications.message.v1"}
    said = json.dumps([span.attributes for span in spans.values()])
    assert '"message.kind": "activation"' in said and "traced" not in said.lower()


def _lines(stack: Stack) -> Iterator[tuple[str, str]]:
    for part in PARTS:
        for line in (stack.folder / "logs" / f"{part}.log").read_text().splitlines():
            yield part, line


def _of_persons(folder: Path) -> set[str]:
    """Names, documents, addresses, accounts and CUPS of everybody the demonstration has."""
    found: set[str] = set()
    for database, query in (
        ("supplies", "SELECT name, document, email, phone, postal_street FROM member"),
        ("supplies", "SELECT cups, street, account_number FROM supply"),
        ("identity", "SELECT email, name FROM account"),
        ("billing", "SELECT last_iban FROM mandate"),
    ):
        with sqlite3.connect(f"file:{folder}/data/{database}.db?mode=ro", uri=True) as connection:
            found |= {str(value) for row in connection.execute(query) for value in row}
    # An account number such as "12/1", or a name of one short word, is part of other things by chance.
    return {value for value in found if len(value) > 6}


def test_no_line_says_anything_of_a_person(stack: Stack) -> None:
    persons = _of_persons(stack.folder)
    assert len(persons) > 300 and any("@" in value for value in persons)
    anybody = re.compile("|".join(re.escape(value) for value in persons))
    lines = list(_lines(stack))
    assert len(lines) > 500
    wrong = [(part, line) for part, line in lines if anybody.search(line)]
    assert not wrong[:3]


def test_every_line_is_json_and_names_its_trace(stack: Stack) -> None:
    traced = 0
    for part, text in _lines(stack):
        line = json.loads(text)
        assert line["service"] == part and line["event"] and line["level"] and line["timestamp"].endswith("Z")
        if line["event"] in ("call", "request"):
            assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"]) and line["request_id"]
            traced += 1
    assert traced > 100


@pytest.mark.parametrize("offset", range(1, 7))
def test_metrics_are_those_of_the_page(stack: Stack, offset: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port + 10 + offset}/metrics", timeout=60) as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    ours = {name: family for name, family in families.items() if name.startswith("coop_")}
    known = catalogue()
    for name, family in ours.items():
        metric = known.get(name) or known.get(f"{name}_total")
        if metric is None:  # when a counter or histogram began
            assert name.endswith("_created")
            continue
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample
    assert "coop_build_info" in ours
    if offset < 6:
        assert {"coop_outbox_age_seconds", "coop_looked_timestamp_seconds", "coop_database_connections"} <= set(ours)


def test_status_tells_how_the_demonstration_is(stack: Stack) -> None:
    clerk = Session(stack, load_profile(ROOT / "profiles" / "demo-es").email, STAFF_PASSWORD)
    kept = staff_session.Session("office", "Office", clerk.session_token, "")
    staff_session.SessionFile(stack.folder / "coopctl").save(kept)
    environment = {**stack.environment(), "COOP_GATEWAY_URL": stack.base_url}
    command = [sys.executable, "-m", "services.staff.cli", "status", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert not done.stderr.strip() and done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert [service["name"] for service in told["services"]] == list(PARTS[:5])
    assert all(service["ready"] and service["schema_state"] == "head" for service in told["services"])
    assert told["gateway"]["ready"] and told["gateway"]["version"]
    # Nobody has made a backup of the demonstration; nothing else needs anybody.
    assert [finding["about"] for finding in told["findings"]] == ["BackupOld"]
    assert (done.returncode, told["good"]) == (1, False)
    [billing] = [service for service in told["services"] if service["name"] == "billing"]
    assert {"file": "documents.pem"} in [one["labels"] for one in billing["figures"]]
    figures = {one["metric"]: one["value"] for service in told["services"] for one in service["figures"]}
    assert figures["coop_ledger_differences"] == 0 and figures["coop_mails_failed_24h"] == 0
