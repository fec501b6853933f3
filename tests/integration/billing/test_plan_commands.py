"""`coopctl payments plan` and what a refused certificate says, on billing's own interfaces and a database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from services.billing.grpc_api import BillingApi
from services.billing.plans_api import plans_servicer
from services.chassis import context
from services.staff import certificates, cli, payment_plans
from tests.support.billing import STAFF, Office

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Interface:
    """A servicer asked without a network: a call is a call of its method."""

    def __init__(self, servicer: Any) -> None:
        self._servicer = servicer

    def __getattr__(self, method: str) -> Any:
        def call(request: Any, timeout: float = 0) -> Any:
            context.enter(STAFF, "request", context.new_traceparent())
            return getattr(self._servicer, method)(request, None)

        return call


@pytest.fixture
def coopctl(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Runs a command and gives (exit code, what it printed, read as JSON where it was asked for that)."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    nothing: Any = None
    billing = BillingApi(
        office.rules,
        office.runs,
        office.invoices,
        office.accounts,
        office.certificates,
        office.documents,
        nothing,
        nothing,
    )
    plans = Interface(plans_servicer(office.database, office.rules).servicer)
    desk = SimpleNamespace(
        stub=lambda service, kind: plans, calling=lambda service: nullcontext(), billing=Interface(billing)
    )

    @contextmanager
    def signed_in() -> Iterator[Any]:
        yield desk

    for module in (payment_plans, certificates):
        monkeypatch.setattr(module, "signed_in", signed_in)
        monkeypatch.setattr(module, "find", lambda _desk, name: SimpleNamespace(id="s00000", account_number="1/1"))
    monkeypatch.setattr(payment_plans, "put_names", lambda _desk, found, *fields: None)
    app = typer.Typer()
    app.add_typer(payment_plans.app, name="plan")
    app.add_typer(certificates.app, name="certificate")
    monkeypatch.setattr(cli, "application", lambda *words: app)

    def command(*words: str) -> tuple[int, Any]:
        code = cli.run(list(words))
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words else said.out + said.err

    yield command


def test_a_plan_is_agreed_looked_at_broken_and_ended(office: Office, coopctl: Any) -> None:
    agree = ("plan", "agree", "1/1", "--instalments", "2", "--first", "2026-12-10", "--request-id", "once", "--json")
    code, made = coopctl(*agree)
    plan = made["plan"]
    assert (code, plan["state"], plan["outstanding"]["amount"]) == (0, "kept", "110.35")
    assert coopctl(*agree) == (code, made)
    assert [(each["due_date"], each["amount"]["amount"]) for each in plan["instalments"]] == [
        ("2026-12-10", "55.18"),
        ("2027-01-11", "55.17"),
    ]
    code, said = coopctl("plan", "agree", "1/1", "--instalments", "2", "--first", "2026-12-10")
    assert code == 1 and f"E-2026-000001 is in the payment plan {plan['id']} of 2026-11-21 already" in said
    assert "2026-12-10 (55.18 EUR)" in coopctl("plan", "list", "--supply", "1/1")[1]
    code, granted = coopctl("certificate", "request", "1/1", "--json")
    assert (code, granted["granted"]["variant"]) == (0, "agreed_plan")
    office.clock.advance(timedelta(days=20))
    code, said = coopctl("certificate", "request", "1/1")
    missed = f"plan {plan['id']} is broken: of instalment 1 of 2, due on 2026-12-10, 55.18 EUR were missing"
    assert code == 1 and missed in " ".join(said.split())
    code, refused = coopctl("certificate", "request", "1/1", "--json")
    assert (code, refused["refused"]["broken"][0]["position"]) == (1, 1)
    said = coopctl("plan", "show", plan["id"])[1]
    assert "broken" in said and "instalment 1 of 2026-12-10: 55.18 EUR missing" in said and "2026-12-11" in said
    code, ended = coopctl("plan", "end", plan["id"], "--reason", "Not kept", "--json")
    assert (code, ended["plan"]["state"], ended["plan"]["reason"]) == (0, "ended", "Not kept")
    assert ended["plan"]["ended_by"] == "staff:office"
    assert coopctl("plan", "list", "--json")[1] == {"plans": []}
    assert [each["id"] for each in coopctl("plan", "list", "--all", "--json")[1]["plans"]] == [plan["id"]]
