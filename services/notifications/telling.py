"""Notices written and mails queued, in the transaction that remembers their event as handled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from services.chassis import context
from services.chassis.db import Transaction
from services.chassis.errors import Unavailable
from services.chassis.ids import new_id
from services.chassis.subscription import Envelope
from services.notifications import repository
from services.notifications.domain.recipients import Contact, of_invoice
from services.notifications.templates import Renderer, newest_version

PATIENCE = timedelta(minutes=10)
"""Topics are read independently: an invoice may be seen before its member. So long an event waits for what it names;
after that it goes on with what is known."""


@dataclass(frozen=True)
class Story:
    """What is told about a supply: the template, the page it leads to, and what the template says."""

    kind: str
    supply_id: str
    link: str
    data: dict[str, Any]

    @property
    def told(self) -> dict[str, Any]:
        return {**self.data, "path": self.link}


class Teller:
    """``wake`` is called after the commit of a mail that was queued."""

    def __init__(self, renderer: Renderer, wake: Callable[[], None]) -> None:
        self._renderer = renderer
        self._wake = wake

    def readers(
        self, tx: Transaction, envelope: Envelope, story: Story, on_file: Contact | None, *, mailed: bool = True
    ) -> None:
        """A notice for each reader of the supply, and a mail to whom its invoices are sent."""
        readers = self._notices(tx, envelope, story)
        for to in of_invoice(readers, on_file) if mailed else ():
            data = story.told | {"name": to.name, "delivery": to.delivery}
            self.mail(tx, envelope, story.kind, to.email, to.language, data)

    def readers_and(self, tx: Transaction, envelope: Envelope, story: Story, to: Row[Any] | Contact | None) -> None:
        """A notice for each reader of the supply, and a mail to one person, who may have no address."""
        self._notices(tx, envelope, story)
        if to is not None and to.email:
            self.mail(tx, envelope, story.kind, to.email, to.language, story.told | {"name": to.name})

    def by_mail_alone(self, tx: Transaction, envelope: Envelope, story: Story, to: Contact | None) -> None:
        """A mail to one person and no notice: of what is not the business of whoever reads the supply."""
        if to is not None and to.email:
            self.mail(tx, envelope, story.kind, to.email, to.language, story.told | {"name": to.name})

    def alone(self, tx: Transaction, envelope: Envelope, story: Story, account_id: str, to: Row[Any] | None) -> None:
        """A notice for one account and nobody else, and a mail to its address where that is known."""
        self.notice(tx, envelope, story.kind, account_id, story.told, story.link, story.supply_id)
        if to is not None:
            self.mail(tx, envelope, story.kind, to.email, to.language, story.told | {"name": to.name})

    def office(self, tx: Transaction, envelope: Envelope, kind: str, data: dict[str, Any]) -> None:
        """A mail to the cooperative's own address, in its own language."""
        self.mail(tx, envelope, kind, self._renderer.office, "", data)

    def mail(
        self, tx: Transaction, envelope: Envelope, kind: str, email: str, language: str, data: dict[str, Any]
    ) -> None:
        queued = repository.queue(
            tx.connection,
            {
                "id": new_id(),
                "event_id": envelope.event_id,
                "kind": kind,
                "recipient": email,
                "language": self._renderer.language(language),
                "template_version": newest_version(kind),
                "data": data,
                "created_at": tx.clock.now(),
                "traceparent": context.traceparent(),
            },
        )
        if queued:
            tx.on_commit(self._wake)

    def notice(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        account_id: str,
        data: dict[str, Any],
        link: str,
        supply_id: str = "",
    ) -> None:
        repository.add_notice(
            tx.connection,
            {
                "id": new_id(),
                "event_id": envelope.event_id,
                "account_id": account_id,
                "kind": kind,
                "template_version": newest_version(kind),
                "data": data,
                "supply_id": supply_id,
                "link": link,
                "created_at": tx.clock.now(),
            },
        )

    def _notices(self, tx: Transaction, envelope: Envelope, story: Story) -> list[repository.Account]:
        readers = repository.readers_of(tx.connection, story.supply_id)
        for reader in readers:
            self.notice(tx, envelope, story.kind, reader.account_id, story.told, story.link, story.supply_id)
        return readers


def wait_for(tx: Transaction, envelope: Envelope, what: str) -> None:
    """Raises Unavailable, which the consumer takes for a passing trouble, while what is named may still arrive."""
    if tx.clock.now() - envelope.time < PATIENCE:
        raise Unavailable(f"The event that tells of {what} has not arrived yet.", "NOT_KNOWN_YET")
