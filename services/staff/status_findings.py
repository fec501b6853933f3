"""What in a status needs a person, each finding with its place in docs/runbook.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

OUTBOX_AGE_S = 300
MAILS_AGE_S = 900
MAILS_FAILED = 20
DISK_FREE = 10
"""Percent."""
LAG = 1000
IMPORT_AGE_S = 3600
BILL_RUN_AGE_S = 6 * 3600
CHARGE_AGE_S = 3600
QUEUE_AGE_S = 7 * 86400
BACKUP_AGE_S = 26 * 3600
"""A day and two hours: a nightly backup that takes its time is no reason to be called."""
CERTIFICATE_DAYS = 21


@dataclass(frozen=True)
class Figure:
    """A metric's value now."""

    metric: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceStatus:
    """What one service said, or why it did not. `error` is the sentence of a call that failed."""

    name: str
    reachable: bool
    ready: bool
    version: str = ""
    commit: str = ""
    started_at: str = ""
    schema_state: str = ""
    schema_revision: str = ""
    figures: Sequence[Figure] = ()
    problems: Sequence[str] = ()
    error: str = ""

    def all(self, metric: str) -> list[Figure]:
        return [figure for figure in self.figures if figure.metric == metric]

    def value(self, metric: str, **labels: str) -> float | None:
        """The one value of a metric with these labels; None when the service does not tell it."""
        return next((one.value for one in self.all(metric) if labels.items() <= one.labels.items()), None)


@dataclass(frozen=True)
class Finding:
    """`about` is a heading of docs/runbook.md, most of them names of alerts."""

    service: str
    about: str
    sentence: str


def findings(services: Sequence[ServiceStatus], gateway: ServiceStatus, now: datetime) -> list[Finding]:
    """Everything that somebody should look at, service by service."""
    found = [finding for service in (*services, gateway) for finding in _of(service, now)]
    told = next((service for service in services if service.name == "identity" and service.version), None)
    if told:
        found += _of_backup(told, now)
    return found


def _of(service: ServiceStatus, now: datetime) -> Iterator[Finding]:
    name = service.name
    if not service.reachable:
        yield Finding(name, "ProcessDown", f"{name} does not answer. {service.error}".strip())
        return
    if not service.ready:
        yield Finding(name, "NotReady", f"{name} answers and is not ready: its log says what it waits for.")
    if service.error:
        yield Finding(name, "StatusUnknown", f"{name} does not tell how it is: {service.error}")
    for problem in service.problems:
        yield Finding(name, "FiguresStale", f"{name}: {problem}")
    if service.schema_state not in ("", "head", "newer"):
        yield Finding(
            name, "SchemaNotServed", f"The schema of {name} is at {service.schema_revision}: {service.schema_state}."
        )
    yield from _of_figures(service, now)


def _of_figures(service: ServiceStatus, now: datetime) -> Iterator[Finding]:
    name = service.name

    def above(metric: str, limit: float) -> float | None:
        value = service.value(metric)
        return value if value is not None and value > limit else None

    if age := above("coop_outbox_age_seconds", OUTBOX_AGE_S):
        yield Finding(name, "OutboxStuck", f"An event of {name} has waited for the event log for {duration(age)}.")
    if letters := above("coop_dead_letters_open", 0):
        yield Finding(name, "DeadLetters", f"{letters:.0f} events of {name} wait for a decision.")
    for lag in service.all("coop_consumer_lag"):
        if lag.value > LAG and lag.labels.get("deferred") == "no":
            who = lag.labels["consumer"]
            yield Finding(name, "ConsumerStuck", f"The consumer {who} is {lag.value:.0f} records behind.")
    if age := above("coop_mails_age_seconds", MAILS_AGE_S):
        yield Finding(name, "MailsWait", f"The oldest queued e-mail has waited for {duration(age)}.")
    if failed := above("coop_mails_failed_24h", MAILS_FAILED):
        yield Finding(name, "MailsFailed", f"{failed:.0f} e-mails of the last 24 hours were given up.")
    if age := above("coop_imports_age_seconds", IMPORT_AGE_S):
        yield Finding(name, "ImportBrokeOff", f"An import that began {duration(age)} ago was not stored to its end.")
    if age := above("coop_bill_run_age_seconds", BILL_RUN_AGE_S):
        yield Finding(name, "BillRunStuck", f"A bill run has been running for {duration(age)}.")
    if refused := above("coop_charges_refused", 0):
        yield Finding(
            name, "ChargeNotIssued", f"{refused:.0f} charges were refused by the tax office and wait for a decision."
        )
    elif age := above("coop_charges_age_seconds", CHARGE_AGE_S):
        yield Finding(name, "ChargeNotIssued", f"A charge has waited for {duration(age)} to be issued.")
    if doubted := above("coop_card_notifications_refused_24h", 0):
        yield Finding(
            name,
            "CardNotificationRefused",
            f"{doubted:.0f} notifications of the card's bank were signed and not booked.",
        )
    if age := above("coop_bank_movements_age_seconds", QUEUE_AGE_S):
        yield Finding(name, "BankMovementsWait", f"A movement of the bank has waited for {duration(age)} for somebody.")
    if places := above("coop_ledger_differences", 0):
        yield Finding(name, "LedgerDiffers", f"The books do not agree with themselves in {places:.0f} places.")
    free, size = service.value("coop_data_disk_free_bytes"), service.value("coop_data_disk_size_bytes")
    if free is not None and size and free * 100 < size * DISK_FREE:
        yield Finding(name, "DiskFull", f"{free * 100 / size:.0f} % of the disk of {name} is free.")
    for file in service.all("coop_certificate_expiry_timestamp_seconds"):
        days = (file.value - now.timestamp()) / 86400
        if days < CERTIFICATE_DAYS:
            yield Finding(name, "CertificateEnds", f"{file.labels['file']} of {name} ends in {days:.0f} days.")


def _of_backup(identity: ServiceStatus, now: datetime) -> Iterator[Finding]:
    done = identity.value("coop_routine_done_timestamp_seconds", routine="backup")
    if done is None:
        yield Finding("identity", "BackupOld", "No backup was ever noted.")
    elif now.timestamp() - done > BACKUP_AGE_S:
        yield Finding("identity", "BackupOld", f"The last backup is {duration(now.timestamp() - done)} old.")


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `7 h`, `3 days`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} days"


def moment(timestamp: float) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
