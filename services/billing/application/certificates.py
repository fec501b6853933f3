"""Debt-free certificates: granted or refused at an instant, listed, revoked, and checked by anybody with the code."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.access import check_document, may_see, no_document, visible_supply
from services.billing.application.positions import Positions
from services.billing.domain.certificates import (
    CODE_BYTES,
    State,
    code_from,
    masked_holder,
    masked_supply,
    position_hash,
    state_of,
    typed_code,
)
from services.billing.domain.ledger import OpenItem
from services.billing.domain.position import HOLDER, Position, text, texts
from services.billing.repository import certificates, ledger, positions, read_model, series
from services.billing.repository.certificates import Certificate
from services.billing.repository.read_model import KnownSupply
from services.billing.repository.series import SeriesState
from services.billing.rules import Rules
from services.billing.snapshots import member_state, supply_state
from services.chassis.attempts import Count, Limit, address_prefix
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.limits import spend

CERTIFICATE_TOPIC = "coop.billing.certificate.v1"
SERIES = "C"
VERIFICATIONS = Limit("verify", burst=30, every=timedelta(seconds=2))
LONGEST_WHY = 500


@dataclass(frozen=True)
class Granted:
    certificate: Certificate
    state: State


@dataclass(frozen=True)
class BrokenPlan:
    """A payment plan that is broken, and the instalment (from 1, of so many) that was not paid on its day."""

    plan_id: str
    position: int
    of: int
    due_date: date
    missing: Decimal


@dataclass(frozen=True)
class RefusedCertificate:
    """What is due and unpaid at the instant somebody asked, and because of which broken plans."""

    due: tuple[OpenItem, ...]
    total_due: Decimal
    at: datetime
    broken: tuple[BrokenPlan, ...] = ()


@dataclass(frozen=True)
class Accounts:
    """Whose invoices to the holder count, as ids of supplies: those they hold, and those they left with a debt."""

    held: tuple[str, ...]
    left: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted({*self.held, *self.left}))


class Certificates:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._positions = Positions(database, rules)

    def request(
        self, key: RequestKey, caller: Principal, supply_id: str, *, all_supplies: bool = False
    ) -> Granted | RefusedCertificate:
        """Grant when nothing due is unpaid at this instant; otherwise say what is. The same request id, the same answer.

        `all_supplies`: of every contract of the supply's holder. Refused for a member who does not see all of them.
        """
        with self._database.write() as tx:
            known = visible_supply(tx.connection, caller, supply_id)
            answer = json.loads(tx.once(key, lambda: json.dumps(self._decide(tx, key, caller, known, all_supplies))))
            if "granted" in answer:
                made = certificates.by_id(tx.connection, answer["granted"])
                assert made is not None
                return Granted(made, self.state(made))
        due = tuple(
            OpenItem(invoice_id, number, date.fromisoformat(due_date), Decimal(amount))
            for invoice_id, number, due_date, amount in answer["due"]
        )
        broken = tuple(
            BrokenPlan(plan_id, position, of, date.fromisoformat(due_date), Decimal(missing))
            for plan_id, position, of, due_date, missing in answer.get("broken", ())
        )
        return RefusedCertificate(due, Decimal(answer["total"]), datetime.fromisoformat(answer["at"]), broken)

    @staticmethod
    def _accounts_of(connection: Connection, caller: Principal, known: KnownSupply, all_supplies: bool) -> Accounts:
        if not all_supplies:
            ledger.lock_accounts(connection, [known.supply_id])
            return Accounts((known.supply_id,))
        held = positions.held_by(connection, known.member_id)
        if not all(may_see(connection, caller, supply_id) for supply_id in held):
            raise Refused(
                "A certificate of all contracts is for who sees every supply of the holder, and you do not: ask for "
                "one of this supply, or let the holder ask.",
                "NOT_ALL_SUPPLIES",
            )
        # Those that are paid, too: a payment that comes back this moment on one that was left makes it a debt again.
        ledger.lock_accounts(connection, {*held, *positions.invoiced_to(connection, known.member_id)})
        return Accounts(tuple(held), tuple(positions.left_with_debt(connection, known.member_id)))

    def _decide(
        self, tx: Transaction, key: RequestKey, caller: Principal, known: KnownSupply, all_supplies: bool
    ) -> dict[str, Any]:
        """Under the accounts' locks, so that nothing comes between the look and the certificate."""
        accounts = self._accounts_of(tx.connection, caller, known, all_supplies)
        position = self._positions.now(tx, accounts.all, known.member_id, all_supplies=all_supplies)
        if position.due:
            tx.emit(CERTIFICATE_TOPIC, known.supply_id, self._refusal(key, caller, known, position))
            broken = [
                [terms.id, each.position, len(terms.instalments), each.due_date.isoformat(), text(each.missing)]
                for terms, each in position.broken
            ]
            due, total = texts(position.due), text(position.total_due)
            return {"due": due, "total": total, "at": position.at.isoformat(), "broken": broken}
        return {"granted": self._grant(tx, caller, known, position, accounts.held)}

    def _grant(
        self, tx: Transaction, caller: Principal, known: KnownSupply, position: Position, held: Sequence[str]
    ) -> str:
        connection = tx.connection
        supplies = read_model.supplies(connection, held)
        holder = read_model.members(connection, [known.member_id]).get(known.member_id)
        if holder is None:
            raise Refused(
                f"The holder of account {known.account_number} is not known to billing yet; ask again in a moment.",
                "NO_HOLDER",
            )
        state = series.take(connection, f"{SERIES}-{position.today.year}")
        sequence = state.last_number + 1
        series.put(connection, SeriesState(state.code, sequence, "", position.today))
        kept = position.state()
        last = positions.last_issue(connection, held)
        made = Certificate(
            id=new_id(),
            number=f"{state.code}-{sequence:06d}",
            code=code_from(secrets.token_bytes(CODE_BYTES)),
            supply_id=known.supply_id,
            member_id=known.member_id,
            account_id=caller.id if caller.kind == "member" else "",
            issued_at=position.at,
            valid_until=position.today + timedelta(days=self._rules.certificate_days),
            position=kept,
            position_hash=position_hash(kept),
            printed={
                "holder": member_state(holder),
                "supplies": [supply_state(supply) for supply in supplies],
                "language": self._rules.language(holder.language),
                "invoices_until": last.isoformat() if last else None,
            },
            holder_masked=masked_holder(holder.name),
            supply_masked=", ".join(masked_supply(supply.cups, supply.account_number) for supply in supplies),
        )
        certificates.keep(connection, made)
        positions.keep_supplies_of(connection, made.id, held)
        issued = events.CertificateIssued(
            certificate_id=made.id,
            supply_id=made.supply_id,
            member_id=made.member_id,
            account_id=made.account_id,
            valid_until=made.valid_until.isoformat(),
            all_supplies=position.scope == HOLDER,
        )
        tx.emit(CERTIFICATE_TOPIC, made.supply_id, issued)
        return made.id

    def _refusal(
        self, key: RequestKey, caller: Principal, known: KnownSupply, position: Position
    ) -> events.CertificateRefused:
        return events.CertificateRefused(
            request_id=key.request_id,
            supply_id=known.supply_id,
            member_id=known.member_id,
            account_id=caller.id if caller.kind == "member" else "",
            all_supplies=position.scope == HOLDER,
            due=[
                events.DueInvoice(
                    number=item.number, due_date=item.due_date.isoformat(), outstanding=self._money(item.outstanding)
                )
                for item in position.due
            ],
            total_due=self._money(position.total_due),
        )

    def _money(self, amount: Decimal) -> types.Money:
        return types.Money(amount=text(amount), currency_code=self._rules.currency)

    def state(self, certificate: Certificate) -> State:
        today = self._rules.today(self._database.clock.now())
        return state_of(certificate.valid_until, certificate.revoked_at is not None, today)

    def list(self, caller: Principal, supply_id: str, *, before: str, limit: int) -> list[Granted]:
        """Newest first. Of those that speak of other supplies too, a member gets the ones whose supplies they all see."""
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            reader = caller.id if caller.kind == "member" else ""
            found = certificates.of_supply(connection, supply_id, before=before, limit=limit, reader=reader)
        return [Granted(each, self.state(each)) for each in found]

    def visible(self, caller: Principal, certificate_id: str) -> Certificate:
        """The certificate, NotFound unless the caller may see every supply it speaks of."""
        with self._database.read() as connection:
            found = certificates.by_id(connection, certificate_id)
            if found is None:
                raise no_document(f"certificate {certificate_id!r}")
            for supply_id in positions.supplies_of(connection, found.id):
                check_document(connection, caller, supply_id, f"certificate {certificate_id!r}")
        return found

    def revoke(self, key: RequestKey, wanted: str, why: str) -> Granted:
        """By number, code or id. One is never edited: it is revoked, for a reason that is kept, and another one is issued."""
        reason = why.strip()
        if not 1 <= len(reason) <= LONGEST_WHY:
            raise Invalid(f"Say in 1 to {LONGEST_WHY} characters why the certificate is revoked.", field="why")
        with self._database.write() as tx:
            certificate_id = tx.once(key, lambda: self._revoke(tx, wanted, reason))
            found = certificates.by_id(tx.connection, certificate_id)
            assert found is not None
            return Granted(found, self.state(found))

    def _revoke(self, tx: Transaction, wanted: str, why: str) -> str:
        found = certificates.find(tx.connection, wanted, lock=True)
        if found is None:
            raise no_document(f"certificate {wanted!r}")
        if found.revoked_at is not None:
            raise Refused(f"Certificate {found.number} was revoked before.", "ALREADY_REVOKED")
        certificates.revoke(tx.connection, found.id, tx.clock.now(), why)
        revoked = events.CertificateRevoked(
            certificate_id=found.id,
            supply_id=found.supply_id,
            member_id=found.member_id,
            why=why,
            number=found.number,
            account_id=found.account_id,
        )
        tx.emit(CERTIFICATE_TOPIC, found.supply_id, revoked)
        return found.id

    def verify(self, caller: Principal, typed: str) -> Granted:
        """Anybody with the code, within a limit per network. NotFound for a code that was never given out."""
        code = typed_code(typed)
        with self._database.write() as tx:
            spend(
                tx,
                [Count(VERIFICATIONS, address_prefix(caller.client_address))],
                "Too many codes were checked from your network: try again in {wait}.",
            )
        with self._database.read() as connection:
            found = certificates.by_code(connection, code)
        if found is None:
            raise NotFound(
                "No certificate has this code; compare it with the paper, character by character.", "NO_CODE"
            )
        return Granted(found, self.state(found))
