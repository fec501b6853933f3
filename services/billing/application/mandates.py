"""Mandates of direct debits: given, changed, ended; and what members see of theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from services.billing.application.access import visible_supply
from services.billing.domain.payments.iban import parse_iban
from services.billing.domain.payments.mandates import (
    DebitAccount,
    Mandate,
    Terms,
    check_dates,
    next_reference,
    short_iban,
    terms_of,
)
from services.billing.domain.payments.sepa import sepa_text
from services.billing.repository import ledger, mandates, read_model, remittances
from services.billing.repository.invoices import Issued
from services.billing.repository.mandates import Kept
from services.billing.repository.read_model import KnownSupply
from services.billing.rules import Rules
from services.billing.tables import supply
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date
from services.chassis.profile import Profile

_SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_TEXT = 500


@dataclass(frozen=True)
class NewMandate:
    """A signed mandate as the office types it; dates are ISO text, `told_on` and `holder` may be empty."""

    supply: str
    holder: str
    iban: str
    signed_on: str
    told_on: str
    evidence: str
    evidence_sha256: str


@dataclass(frozen=True)
class Found:
    """A mandate with the account number of its supply and its state today."""

    kept: Kept
    account_number: str
    state: str


@dataclass(frozen=True)
class Mine:
    """What a member sees. `holds_from`: the first invoice day on which the account counts, None when it does already."""

    offered: bool
    mandate: Mandate | None = None
    holds_from: date | None = None
    change_days: int = 0


def debit_terms(profile: Profile) -> Terms | None:
    """How the cooperative collects by direct debit; None when it does not. Raises Invalid for a wrong profile."""
    return terms_of(
        profile.section("direct_debit"), profile.legal_name, str(profile.section("payment").get("iban", ""))
    )


def debited(connection: Connection, issued: Issued, terms: Terms) -> tuple[str, str] | None:
    """The masked account and the mandate by which an invoice is collected, as was known when it was issued; None otherwise.

    What the invoice then says of it is the notice of its collection.
    """
    for given in mandates.known_at(connection, issued.supply_id, issued.issued_at):
        if given.member_id != issued.member_id or given.state_on(issued.issue_date) != "active":
            continue
        if given.lapses_on() <= issued.due_date:
            continue
        dead = remittances.dead_accounts_of(connection, given.id, issued.issue_date)
        account = given.account_for(issued.issue_date, dead, terms.change_days)
        return (short_iban(account.iban), given.reference) if account else None
    return None


class Mandates:
    def __init__(self, database: Database, rules: Rules, terms: Terms | None) -> None:
        self._database = database
        self._rules = rules
        self._terms = terms

    def add(self, key: RequestKey, by: str, order: NewMandate) -> Found:
        """Keeps a mandate. Refused while the supply has one in force; Invalid for an IBAN or a date that cannot be."""
        terms, today = self._offered(), self._today()
        iban = _payers_account(order.iban, terms)
        signed_on = day_of(order.signed_on, "signed_on")
        told_on = day_of(order.told_on, "told_on") if order.told_on else today
        check_dates(signed_on, told_on, today)
        evidence = _evidence(order.evidence, order.evidence_sha256)
        with self._database.write() as tx:
            made = tx.once(
                key, lambda: self._add(tx, by, order, DebitAccount(1, iban, "", told_on), signed_on, evidence)
            )
            return self._found(tx.connection, made)

    def _add(
        self, tx: Transaction, by: str, order: NewMandate, account: DebitAccount, signed_on: date, evidence: str
    ) -> str:
        connection, today = tx.connection, self._today()
        of = supply_named(connection, order.supply)
        ledger.lock_accounts(connection, [of.supply_id])
        for standing in mandates.of_supply(connection, of.supply_id):
            if standing.mandate.cancelled_on is not None:
                continue
            if standing.mandate.state_on(today) == "active":
                raise Refused(
                    f"The supply {of.account_number} has the mandate {standing.mandate.reference} in force: amend it for "
                    "another account, or cancel it first.",
                    "MANDATE_IN_FORCE",
                )
            mandates.cancel(connection, standing.mandate.id, today, by, "lapsed")
        (known,) = read_model.supplies(connection, [of.supply_id])
        holder = order.holder.strip() or known.holder_name
        sepa_text(holder, 70, "holder")
        stem = known.cups or of.account_number.replace("/", "-")
        made = Mandate(
            id=new_id(),
            reference=next_reference(stem, mandates.references(connection, stem)),
            supply_id=of.supply_id,
            member_id=of.member_id,
            signed_on=signed_on,
            accounts=(DebitAccount(1, account.iban, holder[:140], account.told_on),),
        )
        mandates.keep(connection, made, order.evidence, evidence, by, tx.clock.now())
        return made.id

    def amend(self, key: RequestKey, by: str, mandate: str, iban: str, holder: str, told_on: str) -> Found:
        """Another account for a mandate in force; the ones before stay."""
        terms, today = self._offered(), self._today()
        account = _payers_account(iban, terms)
        told = day_of(told_on, "told_on") if told_on else today
        with self._database.write() as tx:

            def act() -> str:
                kept = self._in_force(tx, mandate, today)
                last = kept.mandate.account
                if account == last.iban and holder.strip() in ("", last.holder):
                    raise Invalid(
                        f"The mandate {kept.mandate.reference} has the account {short_iban(account)} already.",
                        field="iban",
                    )
                check_dates(kept.mandate.signed_on, told, today)
                if told < last.told_on:
                    raise Invalid(
                        f"The account was told on {told}, before the current one ({last.told_on}).", field="told_on"
                    )
                named = holder.strip() or last.holder
                sepa_text(named, 70, "holder")
                following = DebitAccount(last.position + 1, account, named[:140], told)
                mandates.keep_account(tx.connection, kept.mandate.id, following, by, tx.clock.now())
                return kept.mandate.id

            return self._found(tx.connection, tx.once(key, act))

    def cancel(self, key: RequestKey, by: str, mandate: str, why: str) -> Found:
        """Ends a mandate today: nothing more is collected with it. What is at the bank already is not called back."""
        if not why.strip() or len(why) > LONGEST_TEXT:
            raise Invalid(f"Say in 1 to {LONGEST_TEXT} characters why the mandate ends.", field="why")
        with self._database.write() as tx:

            def act() -> str:
                kept = self._in_force(tx, mandate)
                mandates.cancel(tx.connection, kept.mandate.id, self._today(), by, why.strip())
                return kept.mandate.id

            return self._found(tx.connection, tx.once(key, act))

    def _in_force(self, tx: Transaction, mandate: str, day: date | None = None) -> Kept:
        """A mandate that is not cancelled nor, on a day, lapsed; its row locked."""
        kept = mandates.find(tx.connection, mandate.strip(), lock=True)
        if kept is None:
            raise _no_mandate(mandate)
        if kept.mandate.cancelled_on is not None:
            raise Refused(
                f"The mandate {kept.mandate.reference} was cancelled on {kept.mandate.cancelled_on}.", "MANDATE_OVER"
            )
        if day is not None and kept.mandate.state_on(day) == "lapsed":
            raise Refused(
                f"The mandate {kept.mandate.reference} lapsed on {kept.mandate.lapses_on()}: let the member sign another.",
                "MANDATE_OVER",
            )
        return kept

    # ----------------------------------------------------------------------------------------------------- reading
    def get(self, mandate: str) -> Found:
        with self._database.read() as connection:
            kept = mandates.find(connection, mandate.strip())
            if kept is None:
                raise _no_mandate(mandate)
            return self._with_account(connection, [kept])[0]

    def page(self, of_supply: str, before: str, limit: int) -> list[Found]:
        """The newest first; of one supply all, whatever the limit."""
        with self._database.read() as connection:
            if of_supply:
                mine = supply_named(connection, of_supply)
                return self._with_account(connection, mandates.of_supply(connection, mine.supply_id))
            return self._with_account(connection, mandates.page(connection, before, limit))

    def mine(self, caller: Principal, supply_id: str) -> Mine:
        """What whoever may see a supply sees of its direct debit."""
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            if self._terms is None:
                return Mine(offered=False)
            today, days = self._today(), self._terms.change_days
            for kept in mandates.of_supply(connection, supply_id):
                if kept.mandate.state_on(today) == "active":
                    from_day = kept.mandate.account.told_on + timedelta(days=days)
                    return Mine(True, kept.mandate, from_day if from_day > today else None, days)
            return Mine(True, change_days=days)

    def _found(self, connection: Connection, mandate_id: str) -> Found:
        kept = mandates.find(connection, mandate_id)
        assert kept is not None
        return self._with_account(connection, [kept])[0]

    def _with_account(self, connection: Connection, found: list[Kept]) -> list[Found]:
        ids = [each.mandate.supply_id for each in found]
        query = select(supply.c.supply_id, supply.c.account_number).where(supply.c.supply_id.in_(ids))
        numbers = {row.supply_id: row.account_number for row in connection.execute(query)}
        today = self._today()
        return [Found(each, numbers.get(each.mandate.supply_id, ""), each.mandate.state_on(today)) for each in found]

    def _offered(self) -> Terms:
        if self._terms is None:
            raise no_direct_debit()
        return self._terms

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())


def no_direct_debit() -> Refused:
    return Refused(
        "This cooperative collects nothing by direct debit: its profile has no section [direct_debit].",
        "NO_DIRECT_DEBIT",
    )


def supply_named(connection: Connection, name: str) -> KnownSupply:
    """A supply by id or account number. Raises NotFound."""
    wanted = name.strip()
    columns = (supply.c.supply_id, supply.c.member_id, supply.c.account_number)
    query = select(*columns).where((supply.c.supply_id == wanted) | (supply.c.account_number == wanted))
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"There is no supply {name!r}; give its id or its account number.", "SUPPLY_NOT_FOUND")
    return KnownSupply(*row)


def day_of(text: str, field: str) -> date:
    """An ISO day of a request. Raises Invalid."""
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"{field} {wrong}.", field=field) from wrong


def _payers_account(text: str, terms: Terms) -> str:
    """The IBAN of a payer. Invalid for one that is none, and for the cooperative's own, copied from one of its bills."""
    iban = parse_iban(text, "iban", sepa=True)
    if iban == terms.creditor.iban:
        raise Invalid(
            f"{short_iban(iban)} is the cooperative's own account, as its bills print it: give the payer's.",
            field="iban",
        )
    return iban


def _evidence(text: str, sha256: str) -> str:
    """The hash as it is kept. Invalid without any evidence: a mandate that cannot be shown is none for the payer's bank."""
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"The evidence has {len(text)} characters; give at most {LONGEST_TEXT}.", field="evidence")
    plain = sha256.strip().lower()
    if plain and not _SHA256.fullmatch(plain):
        raise Invalid(f"{sha256[:70]!r} is no SHA-256: give its 64 hexadecimal digits.", field="evidence_sha256")
    if not plain and not text.strip():
        raise Invalid(
            "Say where the signed mandate is kept, or give its file: the payer's bank may ask for it for 13 months.",
            field="evidence",
        )
    return plain


def _no_mandate(name: str) -> NotFound:
    return NotFound(f"There is no mandate {name!r}; give its id or its reference.", "NO_MANDATE")
