"""`coopctl status`: everything an operator wants to know at a glance, wherever the installation runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from services.chassis.errors import Unauthenticated
from services.staff.desk import settings
from services.staff.office import Office
from services.staff.session import SessionFile
from services.staff.show import JsonOption, facts, out, print_json, say, table
from services.staff.status_asking import ask
from services.staff.status_findings import Finding, ServiceStatus, duration, findings, moment

RUNBOOK = "docs/runbook.md"


def status(as_json: JsonOption = False) -> None:
    """How every service is. Ends with 1 when something needs a person, naming it and its place in the runbook."""
    found = settings()
    try:
        token = SessionFile(found.config_dir).load().token
    except Unauthenticated:
        token = ""
    office = Office(found.addresses, token, tls_dir=found.tls_dir)
    try:
        services, gateway = ask(office, signed_in=bool(token), gateway_url=found.gateway_url or found.public_url)
    finally:
        office.close()
    now = datetime.now(UTC)
    needs = findings(services, gateway, now)
    if as_json:
        print_json(_document(services, gateway, needs))
    else:
        _print(services, gateway, needs, now)
    if needs:
        raise typer.Exit(1)


def _document(services: Sequence[ServiceStatus], gateway: ServiceStatus, needs: Sequence[Finding]) -> dict[str, object]:
    return {
        "good": not needs,
        "findings": [asdict(one) | {"runbook": f"{RUNBOOK}#{one.about.lower()}"} for one in needs],
        "services": [asdict(one) for one in services],
        "gateway": {key: value for key, value in asdict(gateway).items() if key not in _ONLY_OF_SERVICES},
    }


_ONLY_OF_SERVICES = {"schema_state", "schema_revision", "figures", "problems", "started_at"}


def _print(services: Sequence[ServiceStatus], gateway: ServiceStatus, needs: Sequence[Finding], now: datetime) -> None:
    columns = ("Service", "State", "Version", "Schema", "Outbox", "Oldest", "Behind", "Dead letters", "Jobs")
    table("Services", columns, [_row(one) for one in (*services, gateway)], numbers=columns[4:8])
    out.print()
    facts("Work", _work(services, now))
    out.print()
    if not needs:
        say("Nothing needs anybody.")
    for one in needs:
        say(f"! {one.sentence} See {RUNBOOK}#{one.about.lower()}.")


def _row(service: ServiceStatus) -> tuple[str, ...]:
    state = "ready" if service.ready else "not ready" if service.reachable else "down"
    lags = [one.value for one in service.all("coop_consumer_lag") if one.labels.get("deferred") == "no"]
    jobs = service.value("coop_jobs_waiting")
    age = service.value("coop_outbox_age_seconds")
    return (
        service.name,
        state,
        service.version,
        " ".join(part for part in (service.schema_revision, service.schema_state) if part),
        _count(service.value("coop_outbox_pending")),
        duration(age) if age else "",
        _count(sum(lags)) if lags else "",
        _count(service.value("coop_dead_letters_open")),
        "" if jobs is None else "waiting" if jobs else "none",
    )


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _work(services: Sequence[ServiceStatus], now: datetime) -> Iterator[tuple[str, str]]:
    """One line for each thing that some service told of."""

    def value(metric: str, **labels: str) -> float | None:
        told = (service.value(metric, **labels) for service in services)
        return next((one for one in told if one is not None), None)

    mails = value("coop_mails_waiting")
    if mails is not None:
        yield "E-mails waiting", _with_age(mails, value("coop_mails_age_seconds"))
        yield "E-mails given up in 24 h", _count(value("coop_mails_failed_24h"))
    imports = value("coop_imports_open")
    if imports is not None:
        yield "Imports under way", _with_age(imports, value("coop_imports_age_seconds"))
        yield "Rows in quarantine", _count(value("coop_quarantined_rows"))
    runs = value("coop_bill_runs_running")
    if runs is not None:
        parts = [_count(value("coop_bill_run_chunks", state=state)) for state in ("done", "waiting")]
        yield "Bill runs running", f"{runs:.0f} (parts: {parts[0]} done, {parts[1]} waiting)" if runs else "0"
    charges = [value(f"coop_charges_{state}") or 0 for state in ("waiting", "refused")]
    if sum(charges):
        yield "Charges not issued", f"{charges[0]:.0f} without an answer, {charges[1]:.0f} refused"
    queued, refunds = value("coop_bank_movements_waiting"), value("coop_refunds_waiting")
    if queued:
        yield "Bank movements in the queue", _with_age(queued, value("coop_bank_movements_age_seconds"))
    if refunds:
        yield "Refunds for a second person", _count(refunds)
    books = value("coop_ledger_differences")
    if books is not None:
        checked = duration(now.timestamp() - (value("coop_ledger_checked_timestamp_seconds") or now.timestamp()))
        verdict = "agree" if not books else f"do not agree in {books:.0f} places"
        yield "Books", f"{verdict} (checked {checked} ago)"
    for service in services:
        for one in service.all("coop_routine_done_timestamp_seconds"):
            yield f"Last {one.labels['routine']}", f"{duration(now.timestamp() - one.value)} ago ({moment(one.value)})"
    ends = [
        (one.value, one.labels["file"], service.name)
        for service in services
        for one in service.all("coop_certificate_expiry_timestamp_seconds")
    ]
    if ends:
        first, file, of = min(ends)
        days = (first - now.timestamp()) / 86400
        yield "First certificate to end", f"{file} of {of}, in {days:.0f} days ({moment(first)})"


def _with_age(number: float, age: float | None) -> str:
    return f"{number:.0f} (oldest {duration(age)})" if number and age else f"{number:.0f}"
