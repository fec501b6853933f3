"""`coopctl reminders` and `coopctl bill propose` on billing's own interfaces: what goes in, what is printed, how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from services.billing.proposals_api import proposals_servicer
from services.billing.reminders_api import reminders_servicer
from services.chassis import context
from services.staff import bill_proposals, bills, cli, reminders
from tests.support.billing import STAFF, Office, measured

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
    servicers = {
        "RemindersServiceStub": reminders_servicer(office.database, office.rules).servicer,
        "ProposalsServiceStub": proposals_servicer(office.database, office.rules, office.runs).servicer,
    }
    noted: list[str] = []

    class Desk:
        def stub(self, service: str, kind: Any) -> Interface:
            return Interface(servicers[kind.__name__])

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Desk]:
        yield Desk()

    for module in (reminders, bill_proposals):
        monkeypatch.setattr(module, "signed_in", signed_in)
        monkeypatch.setattr(module, "noted", lambda _office, routine: noted.append(routine))
    monkeypatch.setattr(cli, "application", _two_groups)
    monkeypatch.setattr(reminders, "find", lambda _office, name: SimpleNamespace(id=name, account_number="1/1"))

    def command(*words: str) -> tuple[int, Any]:
        code = cli.run(list(words))
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in words else said.out + said.err

    command.noted = noted  # type: ignore[attr-defined]
    yield command


def _two_groups(*_words: str) -> typer.Typer:
    """Of all the commands those under test: the others take half a second each time."""
    app = typer.Typer()
    app.add_typer(reminders.app, name="reminders")
    app.add_typer(bills.app, name="bill")
    return app


def test_reminders_from_the_look_to_the_receipt(office: Office, coopctl: Any) -> None:
    office.add_supplies(2)
    office.bill("2026-09", "2026-10-02")
    code, held = coopctl("reminders", "hold", "s00001", "--until", "2026-12-24", "--why", "agreed", "--json")
    assert (code, held["hold"]["account_number"], held["hold"]["until"]) == (0, "2/1", "2026-12-24")
    assert "2/1" in coopctl("reminders", "holds")[1]
    _, seen = coopctl("reminders", "preview", "--json")
    assert [(each["step"], each["account_number"]) for each in seen["due"]] == [("first", "1/1")]
    assert [(each["reason"], each["why"]) for each in seen["left_alone"]] == [("hold", "agreed")]
    assert "on hold: agreed" in coopctl("reminders", "preview")[1]
    code, sent = coopctl("reminders", "send", "--json")
    assert (code, sent["sent"], sent["total"]["amount"]) == (0, 1, "54.91")
    assert sent["left_alone"] == [{"reason": "hold", "debts": 1}] and coopctl.noted == ["reminders"]
    code, said = coopctl("reminders", "send", "--as-of", "2027-01-01")
    assert code == 1 and "has not come yet" in said
    for days in (10, 15):
        office.clock.advance(timedelta(days=days))
        coopctl("reminders", "send")
    _, listed = coopctl("reminders", "list", "--proof-missing", "--json")
    (demand,) = listed["reminders"]
    assert (demand["step"], demand["owed_now"]["amount"], demand["track"]) == ("formal", "54.91", "household")
    assert (demand["send_again_on"], "warn_by" in demand and demand["warn_by"]) == ("2026-12-28", "")
    assert "missing" in coopctl("reminders", "list")[1]
    receipt = ("reminders", "received", demand["id"], "--on", "2026-12-16", "--evidence", "burofax 7")
    code, said = coopctl(*receipt)
    assert code == 0 and "2027-02-16" in said and "2027-01-26" in said and "RD 897/2017" in said
    code, said = coopctl(*receipt)
    assert code == 1 and "It was received on 2026-12-16: burofax 7." in said
    assert coopctl("reminders", "list", "--proof-missing", "--json")[1] == {"reminders": []}
    assert coopctl("reminders", "release", "s00001", "--json")[1] == {"released": "1/1"}
    assert "none" in coopctl("reminders", "holds")[1]


def test_a_proposed_month_is_shown_with_what_it_holds(office: Office, coopctl: Any) -> None:
    code, said = coopctl("bill", "propose")
    assert code == 0 and "Nothing is to be proposed" in said
    names = office.add_supplies(2)
    office.energy.of[f"{names[1]}-light"] = measured(missing=600)
    code, made = coopctl("bill", "propose", "--json")
    (proposal,) = made["proposals"]
    assert (code, proposal["period"], proposal["state"], proposal["would_invoice"]) == (0, "2026-10", "waiting", 1)
    assert [each["reason"] for each in made["held"]["2026-10"]] == ["MISSING_READINGS"]
    _, said = coopctl("bill", "propose", "--period", "2026-10")
    assert "coopctl bill run --period 2026-10" in said and "MISSING_READINGS" in said
    office.bill()
    assert "taken_up" in coopctl("bill", "proposals")[1]
    assert coopctl("bill", "propose", "--period", "October")[0] == 2
    assert coopctl.noted == ["bill-proposal"] * 3
