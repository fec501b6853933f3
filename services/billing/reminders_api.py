"""RemindersService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

import grpc
from coop.billing.v1 import reminders_service_pb2 as pb
from coop.billing.v1.reminders_service_pb2_grpc import (
    RemindersServiceServicer,
    add_RemindersServiceServicer_to_server,
)

from services.billing.application.documents import Documents
from services.billing.application.essential_supplies import EssentialSupplies
from services.billing.application.mandates import debit_terms
from services.billing.application.plan_news import PlanNews
from services.billing.application.reminder_letters import ReminderLetters
from services.billing.application.reminders import Reminders, Standing
from services.billing.domain.reminders import Due, LeftAlone, reminder_policy
from services.billing.jurisdictions.disconnection import disconnection
from services.billing.messages import Messages, instant
from services.billing.repository import read_model
from services.billing.repository.essentials import EssentialSupply
from services.billing.repository.reminders import Hold
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid
from services.chassis.grpc.server import ServicerSpec
from services.chassis.paging import page_size

CHUNK = 64 * 1024


class RemindersApi(RemindersServiceServicer):
    def __init__(
        self,
        database: Database,
        rules: Rules,
        reminders: Reminders,
        letters: ReminderLetters,
        essential_supplies: EssentialSupplies,
        plan_news: PlanNews,
    ) -> None:
        self._database = database
        self._reminders = reminders
        self._letters = letters
        self._essentials = essential_supplies
        self._plan_news = plan_news
        self._write = Messages(rules)
        self._calendar = rules.country.calendar

    # ---------------------------------------------------------------------------------------------------- what is due
    def PreviewReminders(
        self, request: pb.PreviewRemindersRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.PreviewRemindersResponse]:
        for found in self._reminders.preview(request.as_of):
            if isinstance(found, Due):
                yield pb.PreviewRemindersResponse(due=self._due(found))
            else:
                yield pb.PreviewRemindersResponse(left_alone=self._left_alone(found))

    def SendReminders(
        self, request: pb.SendRemindersRequest, context: grpc.ServicerContext
    ) -> pb.SendRemindersResponse:
        key = RequestKey.of("SendReminders", request)
        # Before the reminders, which a plan that broke brings again.
        self._plan_news.tell()
        done = self._reminders.send(key, caller().actor, request.as_of)
        counts = Counter(each.reason for each in done.left_alone)
        return pb.SendRemindersResponse(
            round_id=done.id,
            as_of=done.as_of.isoformat(),
            sent=done.sent,
            total=self._write.money(done.total),
            left_alone=[pb.ReasonCount(reason=reason, debts=count) for reason, count in sorted(counts.items())],
        )

    # ---------------------------------------------------------------------------------------------- what was issued
    def ListReminders(
        self, request: pb.ListRemindersRequest, context: grpc.ServicerContext
    ) -> pb.ListRemindersResponse:
        size = page_size(request.page_size)
        found = self._reminders.page(
            supply_id=request.supply_id,
            step=request.step,
            round_id=request.round_id,
            proof_missing=request.proof_missing,
            before=request.page_token,
            limit=size + 1,
        )
        page, more = found[:size], found[size:]
        letters = self._letters.printed(page)
        return pb.ListRemindersResponse(
            reminders=[self._reminder(each, letters) for each in page],
            next_page_token=page[-1].reminder.id if more else "",
        )

    def GetReminder(self, request: pb.GetReminderRequest, context: grpc.ServicerContext) -> pb.GetReminderResponse:
        found = self._reminders.get(request.reminder_id)
        return pb.GetReminderResponse(reminder=self._reminder(found, self._letters.printed([found])))

    def PrintReminder(
        self, request: pb.PrintReminderRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.PrintReminderResponse]:
        letter = self._letters.letter(request.reminder_id)
        yield pb.PrintReminderResponse(
            letter=pb.ReminderLetter(
                file_name=letter.printed.file_name,
                sha256=letter.sha256,
                printed_at=instant(letter.printed_at),
                name=letter.name,
                address_lines=letter.address,
            )
        )
        for start in range(0, len(letter.printed.content), CHUNK):
            yield pb.PrintReminderResponse(chunk=letter.printed.content[start : start + CHUNK])

    def NoteReminderReceipt(
        self, request: pb.NoteReminderReceiptRequest, context: grpc.ServicerContext
    ) -> pb.NoteReminderReceiptResponse:
        key = RequestKey.of("NoteReminderReceipt", request)
        found = self._reminders.note_receipt(
            key, caller().actor, request.reminder_id, request.received_on, request.evidence
        )
        return pb.NoteReminderReceiptResponse(reminder=self._reminder(found, self._letters.printed([found])))

    # ---------------------------------------------------------------------------------------------------------- holds
    def HoldReminders(
        self, request: pb.HoldRemindersRequest, context: grpc.ServicerContext
    ) -> pb.HoldRemindersResponse:
        key = RequestKey.of("HoldReminders", request)
        made = self._reminders.hold(key, caller().actor, request.supply_id, request.until, request.why)
        with self._database.read() as connection:
            number = read_model.account_numbers(connection, [made.supply_id]).get(made.supply_id, "")
        return pb.HoldRemindersResponse(hold=_hold(made, number))

    def ReleaseReminders(
        self, request: pb.ReleaseRemindersRequest, context: grpc.ServicerContext
    ) -> pb.ReleaseRemindersResponse:
        self._reminders.release(RequestKey.of("ReleaseReminders", request), request.supply_id)
        return pb.ReleaseRemindersResponse()

    def ListReminderHolds(
        self, request: pb.ListReminderHoldsRequest, context: grpc.ServicerContext
    ) -> pb.ListReminderHoldsResponse:
        size = page_size(request.page_size)
        found = self._reminders.holds(request.page_token, size + 1)
        page, more = found[:size], found[size:]
        return pb.ListReminderHoldsResponse(
            holds=[_hold(*each) for each in page], next_page_token=page[-1][0].supply_id if more else ""
        )

    # ------------------------------------------------------------------------------------- what may not be cut off
    def NoteEssentialSupply(
        self, request: pb.NoteEssentialSupplyRequest, context: grpc.ServicerContext
    ) -> pb.NoteEssentialSupplyResponse:
        key = RequestKey.of("NoteEssentialSupply", request)
        made = self._essentials.note(
            key, caller().actor, request.supply_id, request.kind, request.until, request.evidence
        )
        return pb.NoteEssentialSupplyResponse(essential=_essential(*made))

    def EndEssentialSupply(
        self, request: pb.EndEssentialSupplyRequest, context: grpc.ServicerContext
    ) -> pb.EndEssentialSupplyResponse:
        self._essentials.end(RequestKey.of("EndEssentialSupply", request), request.supply_id)
        return pb.EndEssentialSupplyResponse()

    def ListEssentialSupplies(
        self, request: pb.ListEssentialSuppliesRequest, context: grpc.ServicerContext
    ) -> pb.ListEssentialSuppliesResponse:
        size = page_size(request.page_size)
        found = self._essentials.page(request.page_token, size + 1)
        page, more = found[:size], found[size:]
        return pb.ListEssentialSuppliesResponse(
            essentials=[_essential(*each) for each in page], next_page_token=page[-1][0].supply_id if more else ""
        )

    # ------------------------------------------------------------------------------------------------------- messages
    def _due(self, found: Due) -> pb.DueReminder:
        return pb.DueReminder(
            supply_id=found.account.supply_id,
            account_number=found.account.account_number,
            member_id=found.member_id,
            former_holder=found.former_holder,
            step=found.step.code,
            number=found.step.number,
            proof=found.step.proof,
            debts=self._debts((debt.invoice_id, debt.number, debt.due_date, debt.outstanding) for debt in found.debts),
            total=self._write.money(found.total),
            pay_until=found.pay_until.isoformat(),
        )

    def _left_alone(self, found: LeftAlone) -> pb.DebtLeftAlone:
        debt = found.debt
        (message,) = self._debts([(debt.invoice_id, debt.number, debt.due_date, debt.outstanding)])
        return pb.DebtLeftAlone(
            supply_id=found.account.supply_id,
            account_number=found.account.account_number,
            debt=message,
            reason=found.reason,
            why=found.why,
        )

    def _reminder(self, found: Standing, letters: Mapping[str, tuple[str, datetime]]) -> pb.Reminder:
        made, told, money = found.reminder, found.reminder.told, self._write.money
        received = made.received_on
        waits = made.proof and received is None
        # Nothing follows for a supply that may not be cut off, whatever was told before it was known.
        counts = found.essential is None
        sha256, printed_at = letters.get(made.id, ("", None))
        return pb.Reminder(
            id=made.id,
            round_id=made.round_id,
            supply_id=made.supply_id,
            account_number=made.account_number,
            member_id=made.member_id,
            former_holder=made.former_holder,
            step=made.step,
            number=made.number,
            issued_on=made.issued_on.isoformat(),
            pay_until=made.pay_until.isoformat(),
            debts=self._debts(made.debts),
            total=money(made.total),
            credit=money(made.credit),
            open_now=self._debts(found.open_now),
            owed_now=money(found.owed_now),
            proof=made.proof,
            received_on=_iso(received),
            evidence=made.evidence,
            received_by=made.received_by,
            track=told.track,
            cut_off_months=told.months if counts else 0,
            cut_off_source=told.source,
            protected_until=_iso(told.protected_until),
            earliest_cut_off=_iso(told.earliest_cut_off(received) if received and counts else None),
            send_again_on=_iso(told.send_again_on(made.issued_on, self._calendar) if waits else None),
            warn_by=_iso(told.warn_by(received, self._calendar) if received and counts else None),
            issued_at=instant(made.issued_at),
            letter_sha256=sha256,
            essential=found.essential is not None,
            letter_printed_at=instant(printed_at) if printed_at else None,
        )

    def _debts(self, debts: Iterable[tuple[str, str, date, Decimal]]) -> list[pb.ReminderDebt]:
        return [
            pb.ReminderDebt(
                invoice_id=invoice_id, number=number, due_date=due.isoformat(), outstanding=self._write.money(amount)
            )
            for invoice_id, number, due, amount in debts
        ]


def _hold(made: Hold, account_number: str) -> pb.ReminderHold:
    return pb.ReminderHold(
        supply_id=made.supply_id,
        account_number=account_number,
        until=made.until.isoformat(),
        why=made.why,
        held_by=made.held_by,
        held_at=instant(made.held_at),
    )


def _essential(made: EssentialSupply, account_number: str) -> pb.EssentialSupply:
    return pb.EssentialSupply(
        supply_id=made.supply_id,
        account_number=account_number,
        kind=made.kind,
        until=_iso(made.until),
        evidence=made.evidence,
        noted_by=made.noted_by,
        noted_at=instant(made.noted_at),
    )


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def reminders_servicer(database: Database, rules: Rules, documents: Documents) -> ServicerSpec:
    """RemindersService as the profile has it. SettingsError when its [reminders] cannot be, or the law does not let them."""
    profile = rules.profile
    try:
        law = disconnection(rules.country.law)
        today = rules.today(database.clock.now())
        policy = reminder_policy(profile.section("reminders"), rules.days_to_pay, law.law(today))
        terms = debit_terms(profile)
    except Invalid as wrong:
        raise SettingsError([wrong.message]) from wrong
    reminders = Reminders(database, rules, policy, law, terms)
    return ServicerSpec(
        RemindersApi(
            database,
            rules,
            reminders,
            ReminderLetters(database, rules, reminders, documents),
            EssentialSupplies(database, rules, law),
            PlanNews(database, rules),
        ),
        add_RemindersServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["RemindersService"],
    )
