"""Debt-free certificates: granted or refused at an instant, listed, revoked, and checked by anybody with the code."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from coop.billing.events.v1 import events_pb2 as events

from services.billing.application.access import check_document, no_document, visible_supply
from services.billing.application.accounts import Accounts
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
from services.billing.repository import certificates, invoices, ledger, read_model, series
from services.billing.repository.certificates import Certificate
from services.billing.repository.corrections import instalments_of
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
class RefusedCertificate:
    """What is due and unpaid at the instant somebody asked."""

    due: tuple[OpenItem, ...]
    total_due: Decimal
    at: datetime


class Certificates:
    def __init__(self, database: Database, rules: Rules, accounts: Accounts) -> None:
        self._database = database
        self._rules = rules
        self._accounts = accounts

    def request(self, key: RequestKey, caller: Principal, supply_id: str) -> Granted | RefusedCertificate:
        """Grant when nothing due is unpaid at this instant; otherwise say what is. The same request id, the same answer."""
        with self._database.write() as tx:
            known = visible_supply(tx.connection, caller, supply_id)
            answer = json.loads(tx.once(key, lambda: json.dumps(self._decide(tx, caller, known))))
            if "granted" in answer:
                made = certificates.by_id(tx.connection, answer["granted"])
                assert made is not None
                return Granted(made, self.state(made))
        due = tuple(
            OpenItem(invoice_id, number, date.fromisoformat(due_date), Decimal(amount))
            for invoice_id, number, due_date, amount in answer["due"]
        )
        return RefusedCertificate(due, Decimal(answer["total"]), datetime.fromisoformat(answer["at"]))

    def _decide(self, tx: Transaction, caller: Principal, known: KnownSupply) -> dict[str, Any]:
        """Under the account's lock, so that no payment or invoice comes between the look and the certificate."""
        ledger.lock_accounts(tx.connection, [known.supply_id])
        found = self._accounts.debt_in(tx.connection, known.supply_id)
        today = self._rules.today(found.at)
        if found.debt.overdue > 0:
            due = [_texts(item) for item in found.debt.due_items(today)]
            return {"due": due, "total": str(found.debt.overdue), "at": found.at.isoformat()}
        position = {
            "supply_id": known.supply_id,
            "at": found.at.isoformat(),
            "overdue": str(found.debt.overdue),
            "credit": str(found.debt.credit),
            "not_yet_due": [_texts(item) for item in found.debt.future_items(today)],
            "agreed_plan": any(
                len(parts) > 1
                for parts in instalments_of(tx.connection, [i.invoice_id for i in found.debt.items]).values()
            ),
            "last_entry": ledger.last_entry_id(tx.connection, known.supply_id),
        }
        return {"granted": self._grant(tx, caller, known, found.at, position)}

    def _grant(
        self, tx: Transaction, caller: Principal, known: KnownSupply, at: datetime, position: dict[str, Any]
    ) -> str:
        connection = tx.connection
        supply = read_model.supplies(connection, [known.supply_id])[0]
        holder = read_model.members(connection, [known.member_id]).get(known.member_id)
        if holder is None:
            raise Refused(
                f"The holder of account {known.account_number} is not known to billing yet; ask again in a moment.",
                "NO_HOLDER",
            )
        today = self._rules.today(at)
        last = invoices.of_supply(connection, known.supply_id, before=None, limit=1)
        state = series.take(connection, f"{SERIES}-{today.year}")
        sequence = state.last_number + 1
        series.put(connection, SeriesState(state.code, sequence, "", today))
        made = Certificate(
            id=new_id(),
            number=f"{state.code}-{sequence:06d}",
            code=code_from(secrets.token_bytes(CODE_BYTES)),
            supply_id=known.supply_id,
            member_id=known.member_id,
            account_id=caller.id if caller.kind == "member" else "",
            issued_at=at,
            valid_until=today + timedelta(days=self._rules.certificate_days),
            position=position,
            position_hash=position_hash(position),
            printed={
                "holder": member_state(holder),
                "supply": supply_state(supply),
                "language": self._rules.language(holder.language),
                "invoices_until": last[0].issue_date.isoformat() if last else None,
            },
            holder_masked=masked_holder(holder.name),
            supply_masked=masked_supply(supply.cups, supply.account_number),
        )
        certificates.keep(connection, made)
        issued = events.CertificateIssued(
            certificate_id=made.id,
            supply_id=made.supply_id,
            member_id=made.member_id,
            account_id=made.account_id,
            valid_until=made.valid_until.isoformat(),
        )
        tx.emit(CERTIFICATE_TOPIC, made.supply_id, issued)
        return made.id

    def state(self, certificate: Certificate) -> State:
        today = self._rules.today(self._database.clock.now())
        return state_of(certificate.valid_until, certificate.revoked_at is not None, today)

    def list(self, caller: Principal, supply_id: str, *, before: str, limit: int) -> list[Granted]:
        """Newest first."""
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            found = certificates.of_supply(connection, supply_id, before=before, limit=limit)
        return [Granted(each, self.state(each)) for each in found]

    def visible(self, caller: Principal, certificate_id: str) -> Certificate:
        """The certificate, NotFound unless the caller may see its supply."""
        with self._database.read() as connection:
            found = certificates.by_id(connection, certificate_id)
            if found is None:
                raise no_document(f"certificate {certificate_id!r}")
            check_document(connection, caller, found.supply_id, f"certificate {certificate_id!r}")
        return found

    def revoke(self, key: RequestKey, certificate_id: str, why: str) -> Granted:
        """A certificate is never edited: it is revoked, for a reason that is kept, and another one is issued."""
        reason = why.strip()
        if not 1 <= len(reason) <= LONGEST_WHY:
            raise Invalid(f"Say in 1 to {LONGEST_WHY} characters why the certificate is revoked.", field="why")
        with self._database.write() as tx:
            tx.once(key, lambda: self._revoke(tx, certificate_id, reason))
            found = certificates.by_id(tx.connection, certificate_id)
            assert found is not None
            return Granted(found, self.state(found))

    def _revoke(self, tx: Transaction, certificate_id: str, why: str) -> str:
        found = certificates.by_id(tx.connection, certificate_id, lock=True)
        if found is None:
            raise no_document(f"certificate {certificate_id!r}")
        if found.revoked_at is not None:
            raise Refused(f"Certificate {found.number} was revoked before.", "ALREADY_REVOKED")
        certificates.revoke(tx.connection, certificate_id, tx.clock.now(), why)
        revoked = events.CertificateRevoked(
            certificate_id=found.id, supply_id=found.supply_id, member_id=found.member_id, why=why
        )
        tx.emit(CERTIFICATE_TOPIC, found.supply_id, revoked)
        return certificate_id

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


def _texts(item: OpenItem) -> list[str]:
    return [item.invoice_id, item.number, item.due_date.isoformat(), str(item.outstanding)]
