"""`coopctl bill`: the month's invoices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as pb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, parse_date
from services.staff import bill_explain, bill_proposals, bill_runs, offline_quote, rectifying
from services.staff.desk import signed_in
from services.staff.names import put_names
from services.staff.plain import enum_prefix, plain
from services.staff.show import JsonOption, err, facts, instant, money, print_json, table

app = typer.Typer(no_args_is_help=True, help="Bill runs, and quotes without any service.")
app.command("quote")(offline_quote.quote)
app.command("explain")(bill_explain.explain)
app.command("rectify")(rectifying.rectify)
app.command("propose")(bill_proposals.propose)
app.command("proposals")(bill_proposals.list_proposals)
app.add_typer(rectifying.corrections, name="corrections")


def month(text: str) -> str:
    """A month as written on the command line, `2026-10`."""
    try:
        DatePeriod.month(text)
    except ValueError as wrong:
        raise typer.BadParameter(f"{wrong}.") from None
    return text.strip()


def day(text: str) -> str:
    """A date as written on the command line, `2026-11-02`; empty stays empty."""
    try:
        return parse_date(text).isoformat() if text else ""
    except ValueError as wrong:
        raise typer.BadParameter(f"{wrong}.") from None


@app.command("run")
def run(
    period: Annotated[str, typer.Option("--period", callback=month, help="The month, as 2026-10.")],
    issue_date: Annotated[
        str, typer.Option("--issue-date", callback=day, help="Date of the invoices; today when left out.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Price the month and write nothing.")] = False,
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Bill a month. A run that was interrupted is taken up where it stopped; nothing is billed twice."""
    with signed_in() as office, _bar(f"Billing {period}") as watcher:
        if dry_run:
            preview = bill_runs.preview(office, period, issue_date, watcher)
            result, held = preview.run, preview.held
        else:
            started = bill_runs.start(office, period, issue_date, request_id or new_id())
            state = bill_runs.wait(office, started.id, watcher)
            result, held = state.run, state.held
    _print(result, held, as_json, dry_run)


@app.command("show")
def show(
    bill_run: Annotated[
        str, typer.Argument(metavar="RUN", help="The month, as 2026-10, or the id that 'bill run' printed.")
    ],
    as_json: JsonOption = False,
) -> None:
    """The state of a run and the contracts it did not bill."""
    with signed_in() as office, office.calling("billing"):
        state = office.billing.GetBillRun(pb.GetBillRunRequest(bill_run_id=bill_run))
    _print(state.run, state.held, as_json, dry_run=False)


@app.command("release")
def release(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account number of the held bill, as 5555/1.")],
    period: Annotated[str, typer.Option("--month", callback=month, help="The month, as 2026-10.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the bill is right; kept with the decision.")],
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Let a bill go that was held to be looked at: a consumption presumed an error, or a bill unlike those before it. The
    month's next run issues it.
    """
    with signed_in() as office, office.calling("billing"):
        request = pb.ReleaseHeldBillRequest(
            account_number=account, period=period, why=reason, request_id=request_id or new_id()
        )
        answer = office.billing.ReleaseHeldBill(request)
        if not as_json:
            put_names(office, [answer], "released_by")
    if as_json:
        print_json(plain(answer))
        return
    facts(
        f"The bill of {account} for {period} is released",
        (
            ("Was held because", answer.held.explanation),
            ("Released because", answer.why),
            ("By", answer.released_by),
            ("On", instant(answer.released_at)),
            ("Now", f"coopctl bill run --period {period}"),
        ),
    )


def _print(run: billing_pb2.BillRun, held: Sequence[billing_pb2.Held], as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"run": plain(run), "held": [plain(contract) for contract in held], "dry_run": dry_run})
        return
    state = billing_pb2.BillRunState.Name(run.state).removeprefix(enum_prefix("BillRunState")).lower()
    facts(
        f"{'Dry run' if dry_run else 'Bill run'} of {run.period}",
        (
            ("State", "" if dry_run else state),
            ("Issue date", run.issue_date),
            ("Contracts", run.contracts),
            ("Would be invoiced" if dry_run else "Invoiced", run.invoiced),
            ("Invoiced before", run.already_invoiced),
            ("Held", run.held),
            ("Total", money(run.total)),
            ("Started", instant(run.started_at)),
            ("Completed", instant(run.completed_at)),
            ("Id", run.id),
        ),
    )
    if held:
        rows = [(contract.account_number, contract.reason, contract.explanation) for contract in held]
        table("Held contracts", ("Account", "Reason", "What it means"), rows)


@contextmanager
def _bar(title: str) -> Iterator[bill_runs.Watcher]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def watch(state: billing_pb2.BillRun) -> None:
            done = state.invoiced + state.already_invoiced + state.held
            bar.update(task, total=state.contracts or None, completed=done)

        yield watch


def today() -> str:
    """The civil date here, for options that default to it."""
    return datetime.now(UTC).astimezone().date().isoformat()
