"""`coopctl reminders` and `coopctl bill propose` on billing's own interfaces: what goes in, what is printed, how it ends."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import typer
from coop.billing.events.v1.events_pb2 import ReminderIssued
from coop.notifications.v1 import notifications_service_pb2 as notifications_pb

from services.billing.proposals_api import proposals_servicer
from services.billing.reminders_api import reminders_servicer
from services.billing.retention import kept
from services.chassis import context
from services.staff import bill_proposals, bills, cli, essential_supplies, reminder_letters, reminders
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


class Mails:
    """Notifications: what became of the mails of a reminder, by its id; of the others nobody was mailed."""

    state: ClassVar[dict[str, str]] = {}

    def GetMailsOfEvents(self, request: Any, timeout: float) -> Any:
        mails = [
            notifications_pb.MailsOfEvent(event_id=each, state=self.state.get(each, "none"))
            for each in request.event_ids
        ]
        return notifications_pb.GetMailsOfEventsResponse(mails=mails)


@pytest.fixture
def coopctl(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Runs a command and gives (exit code, what it printed, read as JSON where it was asked for that)."""
    servicers = {
        "RemindersServiceStub": reminders_servicer(office.database, office.rules, office.documents).servicer,
        "ProposalsServiceStub": proposals_servicer(office.database, office.rules, office.runs).servicer,
    }
    noted: list[str] = []

    class Desk:
        notifications = Mails()

        def stub(self, service: str, kind: Any) -> Interface:
            return Interface(servicers[kind.__name__])

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Desk]:
        yield Desk()

    monkeypatch.setattr(reminder_letters, "signed_in", signed_in)
    monkeypatch.setattr(essential_supplies, "signed_in", signed_in)
    monkeypatch.setattr(
        essential_supplies, "find", lambda _office, name: SimpleNamespace(id=name, account_number="1/1")
    )
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


def test_nothing_follows_for_a_supply_that_may_not_be_cut_off(
    office: Office, coopctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mails, "state", {})
    names = office.add_supplies(2)
    office.bill("2026-09", "2026-10-02")
    home, station = names
    code, said = coopctl("reminders", "essential", "note", station, "--kind", "life_support", "--evidence", "file 7")
    assert code == 1 and "rests on a paper that ends" in said
    paper = ("--kind", "life_support", "--until", "2027-06-01", "--evidence", "file 7")
    code, made = coopctl("reminders", "essential", "note", station, *paper, "--json")
    assert (code, made["essential"]["account_number"], made["essential"]["until"]) == (0, "2/1", "2027-06-01")
    for days in (0, 10, 15):
        office.clock.advance(timedelta(days=days))
        coopctl("reminders", "send")
    demands = {
        each["supply_id"]: each for each in coopctl("reminders", "list", "--step", "formal", "--json")[1]["reminders"]
    }
    assert (demands[home]["track"], demands[home]["cut_off_months"]) == ("household", 2)
    assert (demands[station]["track"], demands[station]["cut_off_months"]) == ("essential", 0)
    told = {event.supply_id: event.cut_off_months for event in office.events(ReminderIssued) if event.proof}
    assert told == {home: 2, station: 0}

    # A paper that comes after the demand counts from then on, and one that has ended does not.
    receipt = ("reminders", "received", demands[home]["id"], "--on", "2026-12-16", "--evidence", "burofax 7", "--json")
    assert coopctl(*receipt)[1]["reminder"]["earliest_cut_off"] == "2027-02-16"
    code, said = coopctl("reminders", "essential", "note", home, "--kind", "drinking_water", "--evidence", "a well")
    assert code == 0 and "Account 1/1 may not be cut off: drinking_water, a well." in said
    code, shown = coopctl("reminders", "list", "--step", "formal")
    assert code == 0 and "never: essential" in shown and "2027-02-16" not in shown
    # Why is for those who keep the papers: some tell of somebody's health.
    assert not any(word in shown for word in ("drinking_water", "life_support", "2027-06-01", "file 7"))
    assert coopctl("reminders", "essential", "end", home, "--json")[1] == {"ended": "1/1"}
    code, said = coopctl("reminders", "essential", "end", home)
    assert code == 1 and "not noted" in said
    office.clock.advance(timedelta(days=200))
    _, shown = coopctl("reminders", "list", "--step", "formal", "--json")
    now = {each["supply_id"]: each for each in shown["reminders"]}
    assert now[home]["earliest_cut_off"] == "2027-02-16" and now[station]["essential"] is False
    _, listed = coopctl("reminders", "essential", "list", "--json")
    assert [(each["account_number"], each["until"]) for each in listed["essentials"]] == [("2/1", "2027-06-01")]
    [papers] = [each for each in kept(office.database) if each.code == "essential_papers"]
    assert papers.count and papers.remove and papers.days == 365
    assert (
        papers.count(datetime(2027, 5, 31, tzinfo=UTC)) == 0
        and papers.remove(datetime(2027, 6, 2, tzinfo=UTC), 10) == 1
    )
    assert coopctl("reminders", "essential", "list", "--json")[1] == {"essentials": []}


def test_letters_go_to_whom_no_mail_reaches_and_are_printed_once(
    office: Office, coopctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four who owe, one was mailed, of one it is not known yet, the mail of one failed, and one has no address."""
    names = office.add_supplies(4)
    office.bill("2026-09", "2026-10-02")
    coopctl("reminders", "send")
    _, listed = coopctl("reminders", "list", "--json")
    of = {each["supply_id"]: each for each in listed["reminders"]}
    states = {of[names[0]]["id"]: "sent", of[names[1]]["id"]: "unknown", of[names[2]]["id"]: "failed"}
    monkeypatch.setattr(Mails, "state", states)
    out = tmp_path / "letters"
    code, made = coopctl("reminders", "print", "--step", "1", "--out", str(out), "--json")
    assert code == 1 and made["waiting"] == [of[names[1]]["id"]] and made["refused"] == []
    why = {each["reminder_id"]: each["why"] for each in made["letters"]}
    assert why == {of[names[2]]["id"]: "its e-mail failed", of[names[3]]["id"]: "no e-mail"}
    with (out / "letters.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    assert lines == made["letters"] and all(line["name"] and line["address"] for line in lines)
    first = {line["file"]: (out / line["file"]).read_bytes() for line in lines}
    assert {line["file"]: line["sha256"] for line in lines} == {
        name: hashlib.sha256(content).hexdigest() for name, content in first.items()
    }
    assert all(content.startswith(b"%PDF") for content in first.values())

    # The step counts as sent: nothing is due again, and the proof is shown with the reminder.
    assert coopctl("reminders", "send", "--json")[1]["sent"] == 0
    _, listed = coopctl("reminders", "list", "--json")
    kept = {each["id"]: each["letter_sha256"] for each in listed["reminders"] if each["letter_sha256"]}
    assert kept == {line["reminder_id"]: line["sha256"] for line in lines}

    # Printed before is not printed again, but for who asks; then it is what it was, whatever was paid since.
    states[of[names[1]]["id"]] = "sent"
    code, said = coopctl("reminders", "print", "--step", "first", "--out", str(out))
    assert code == 1 and "has files already" in said
    code, made = coopctl("reminders", "print", "--step", "first", "--out", str(tmp_path / "second"), "--json")
    assert (code, made) == (0, {"letters": [], "refused": [], "waiting": []})
    office.pay(of[names[2]]["debts"][0]["number"], "54.91")
    again = tmp_path / "again"
    code, made = coopctl("reminders", "print", "--step", "first", "--again", "--out", str(again), "--json")
    assert code == 0 and {each["file"]: (again / each["file"]).read_bytes() for each in made["letters"]} == first


def test_a_demand_goes_by_post_to_everybody_and_once(
    office: Office, coopctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = office.add_supplies(2)
    office.bill("2026-09", "2026-10-02")
    for days in (0, 10, 15):
        office.clock.advance(timedelta(days=days))
        coopctl("reminders", "send")
    sent = {each["id"]: "sent" for each in coopctl("reminders", "list", "--json")[1]["reminders"]}
    monkeypatch.setattr(Mails, "state", sent)
    words = ("reminders", "print", "--step", "formal", "--since", "2026-12-01", "--json", "--out")
    code, made = coopctl(*words, str(tmp_path / "demands"))
    assert code == 0 and [each["why"] for each in made["letters"]] == ["registered post"] * 2
    assert {each["account"] for each in made["letters"]} == {f"{number}/1" for number in range(1, len(names) + 1)}
    assert coopctl(*words, str(tmp_path / "none"))[1]["letters"] == []


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
