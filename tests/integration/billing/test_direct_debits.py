"""Direct debits: mandates, remittances for the bank, and what comes back."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal as D

import pytest
from coop.billing.events.v1.events_pb2 import DirectDebitReturned, PaymentReceived, PaymentReturned
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from services.billing.application import collections as collecting
from services.billing.application.books import Books
from services.billing.application.collections import Collections
from services.billing.application.disputes import Disputes
from services.billing.application.mandates import Found, Mandates, NewMandate, debit_terms
from services.billing.application.receiving import Incoming, Receiving
from services.billing.application.refunds import Refunds
from services.billing.application.remittances import RemittanceFound, Remittances
from services.billing.domain.payments.sepa import check_schema
from services.billing.repository import mandates as store
from services.billing.tables import invoice, ledger_posting, mandate
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from tests.support.billing import NOW, STAFF, Office, access, in_threads
from tests.unit.billing.payments.statement_writers import Line, csb43, document, entry

BY = "staff:office"
IBAN, OTHER, THIRD = "ES7921000813610123456789", "ES7620770024003102575766", "DE89370400440532013000"
#: For what is refused before anything is written.
ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
#: Tuesday: the first bank day on which October's bill, due on the 23rd, can be collected.
DAY = "2026-11-24"
SUPPLY = "s00000"


@dataclass
class Desk:
    """The office's direct debits."""

    office: Office
    mandates: Mandates
    remittances: Remittances
    collections: Collections

    def sign(self, supply: str = SUPPLY, iban: str = IBAN, signed_on: str = "2026-01-02", **changes: str) -> Found:
        values = {"holder": "", "told_on": signed_on, "evidence": "folder 3", "evidence_sha256": "", **changes}
        return self.mandates.add(self.office.key(), BY, NewMandate(supply, iban=iban, signed_on=signed_on, **values))

    def propose(self, day: str = DAY, *again: str) -> RemittanceFound:
        return self.remittances.propose(self.office.key(), BY, day, again)

    def approve(self, number: str) -> RemittanceFound:
        return self.remittances.approve(self.office.key(), BY, number)

    def sent(self, day: str = DAY) -> RemittanceFound:
        return self.approve(self.propose(day).remittance.number)

    def settle(self, number: str) -> RemittanceFound:
        return self.remittances.get(self.collections.settle(self.office.key(), BY, number))

    def collected(self) -> RemittanceFound:
        found = self.sent()
        self.to(DAY)
        return self.settle(found.remittance.number)

    def back(self, end_to_end: str, reason: str = "AM04", day: str = ""):
        return self.collections.take_one(self.office.key(), BY, end_to_end, reason, day)

    def take(self, content: bytes, known_only: bool = False):
        return self.collections.take_file(self.office.key(), BY, content, known_only)

    def to(self, day: str) -> None:
        """The same hour of another day."""
        wanted = datetime.combine(date.fromisoformat(day), NOW.timetz())
        self.office.clock.advance(wanted - self.office.clock.now())

    def states(self, number: str) -> dict[str, str]:
        return {each.end_to_end: each.state for each in self.remittances.collections(number, "", -1, 1000)}

    def why(self, number: str) -> dict[str, tuple[str, str]]:
        return {each.number: (each.code, each.why) for _, each in self.remittances.exclusions(number, -1, 1000)}

    def debt(self, supply: str = SUPPLY):
        return self.office.accounts.debt(STAFF, supply).debt

    def books(self) -> dict[str, D]:
        query = select(ledger_posting.c.account, func.sum(ledger_posting.c.amount)).group_by(ledger_posting.c.account)
        with self.office.database.read() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        assert sum(found.values()) == 0
        return found


@pytest.fixture
def desk(office: Office) -> Desk:
    terms = debit_terms(office.rules.profile)
    made = Desk(
        office,
        Mandates(office.database, office.rules, terms),
        Remittances(office.database, office.rules, office.blobs, terms),
        Collections(office.database, office.rules),
    )
    office.add_supplies(3)  # of one CUPS: mandates are -1, -2, -3 of it
    office.bill("2026-10", "2026-11-02")
    return made


# ------------------------------------------------------------------------------------------------------------ mandates
def test_a_mandate_has_one_reference_for_ever_and_every_account_it_had(desk: Desk) -> None:
    first = desk.sign().kept.mandate
    assert (first.reference, first.account.holder) == ("ES0575000000000877HA-1", "Ana Pérez")
    with pytest.raises(Refused, match="ES0575000000000877HA-1 in force: amend it"):
        desk.sign()
    amended = desk.mandates.amend(desk.office.key(), BY, first.reference, "de89 3704 0044 0532 0130 00", "", "")
    assert [each.iban for each in amended.kept.mandate.accounts] == [IBAN, THIRD]
    for change in ("UPDATE mandate_account SET iban = 'x'", "DELETE FROM mandate_account"):
        with pytest.raises(DBAPIError), desk.office.database.write() as tx:
            tx.execute(text(change))
    over = desk.mandates.cancel(desk.office.key(), BY, first.reference, "moved out")
    assert (over.state, over.kept.cancelled_why) == ("cancelled", "moved out")
    with pytest.raises(Refused, match="was cancelled on 2026-11-21"):
        desk.mandates.amend(desk.office.key(), BY, first.reference, OTHER, "", "")
    assert desk.sign().kept.mandate.reference == "ES0575000000000877HA-2"
    assert [each.state for each in desk.mandates.page(SUPPLY, "", 1)] == ["active", "cancelled"]


@ON_ONE
def test_a_mandate_that_cannot_be_is_refused_with_a_sentence(desk: Desk) -> None:
    for changes, sentence in (
        ({"iban": "ES7921000813610123456780"}, "control digits|check digits"),
        ({"iban": "ES91 2100 0418 4502 0005 1332"}, r"ES91 \*\*\*\* 1332 is the cooperative's own account"),
        ({"signed_on": "2026-11-22", "told_on": ""}, "signed on 2026-11-22, and today is 2026-11-21"),
        ({"told_on": "2026-01-01"}, "give a day from the signature"),
        ({"signed_on": "2023-11-21"}, "has lapsed"),
        ({"evidence": ""}, "where the signed mandate is kept"),
        ({"evidence_sha256": "abc"}, "is no SHA-256"),
        ({"supply": "nobody"}, "There is no supply 'nobody'"),
    ):
        with pytest.raises((Invalid, NotFound), match=sentence):
            desk.sign(**changes)


def test_members_see_their_own_mandate_and_from_when_it_holds(desk: Desk) -> None:
    me = Principal("member", "account-1")
    with pytest.raises(NotFound):
        desk.mandates.mine(me, SUPPLY)
    desk.office.tell(access("account-1", SUPPLY))
    assert desk.mandates.mine(me, SUPPLY).mandate is None
    desk.sign(told_on="2026-11-20")
    mine = desk.mandates.mine(me, SUPPLY)
    assert mine.mandate is not None and mine.mandate.account.iban == IBAN
    assert mine.holds_from == date(2026, 12, 11)
    desk.to("2026-12-11")
    assert desk.mandates.mine(me, SUPPLY).holds_from is None


def test_racing_signatures_leave_one_mandate(desk: Desk) -> None:
    key = desk.office.key()
    order = NewMandate(SUPPLY, "", IBAN, "2026-01-02", "2026-01-02", "folder 3", "")
    in_threads(20, lambda number: desk.mandates.add(key, BY, order))
    with desk.office.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(mandate)).scalar_one() == 1


def test_an_invoice_says_that_it_is_collected_and_from_which_account(desk: Desk) -> None:
    desk.sign("s00000", told_on="2026-11-11")
    desk.sign("s00001", told_on="2026-11-12")
    desk.sign("s00002", told_on="2026-11-13")
    desk.to("2026-12-03")
    desk.office.bill("2026-11", "2026-12-03")
    with desk.office.database.read() as connection:
        rows = connection.execute(select(invoice).where(invoice.c.period_start == date(2026, 11, 1)))
        ids = {row.supply_id: row.id for row in rows.all()}
    said = {supply: str(desk.office.documents.invoice_text(ids[supply])[1]) for supply in ids}
    for supply, reference in (("s00000", "ES0575000000000877HA-1"), ("s00001", "ES0575000000000877HA-2")):
        assert "6789" in said[supply] and reference in said[supply] and IBAN not in said[supply]
    assert "6789" not in said["s00002"]
    # What was known when it was issued stays what it says.
    desk.office.clock.advance(timedelta(days=1))
    desk.mandates.cancel(desk.office.key(), BY, "ES0575000000000877HA-1", "moved")
    assert str(desk.office.documents.invoice_text(ids["s00000"])[1]) == said["s00000"]


# --------------------------------------------------------------------------------------------------------- remittances
def test_the_file_is_made_once_checked_against_its_schema_and_the_same_for_ever(desk: Desk) -> None:
    desk.sign()
    proposed = desk.propose()
    assert (proposed.count, proposed.total, proposed.remittance.without_mandate) == (1, D("55.44"), 2)
    number = proposed.remittance.number
    with pytest.raises(Refused, match="approve it first"):
        desk.remittances.file(number)
    approved = desk.approve(number).remittance
    name, content = desk.remittances.file(number)
    assert (name, approved.sha256[:4]) == (f"{number}.xml", approved.sha256[:4])
    check_schema(content)
    for part in ("<EndToEndId>E-2026-000001<", ">55.44<", "<MndtId>ES0575000000000877HA-1<", f"<IBAN>{IBAN}<"):
        assert part.encode() in content
    assert b"<ReqdColltnDt>2026-11-24<" in content and b"<Ustrd>Factura E-2026-000001<" in content
    desk.mandates.amend(desk.office.key(), BY, "ES0575000000000877HA-1", OTHER, "", "")
    desk.to("2026-11-26")
    assert desk.remittances.file(number) == (name, content)


def test_what_is_left_out_says_why(desk: Desk) -> None:
    desk.sign("s00000", told_on="2026-10-13")  # 20 days before the invoice
    desk.sign("s00001")
    desk.sign("s00002", signed_on="2023-11-23", told_on="2023-11-23")
    number = desk.propose().remittance.number
    why = desk.why(number)
    assert why["E-2026-000001"][0] == "account_change" and "less than 21 days before" in why["E-2026-000001"][1]
    assert why["E-2026-000003"] == (
        "lapsed",
        "The mandate ES0575000000000877HA-3 lapsed on 2026-11-23: unused for 36 months.",
    )
    with pytest.raises(Refused, match=f"E-2026-000002: It is in remittance {number} already"):
        desk.mandates.cancel(desk.office.key(), BY, "ES0575000000000877HA-1", "moved")
        desk.propose()
    desk.remittances.discard(desk.office.key(), BY, number)
    assert desk.propose().sums == {"proposed": (1, D("55.44"))}


@ON_ONE
def test_an_invoice_from_before_the_mandate_is_collected_when_somebody_decides_it(desk: Desk) -> None:
    """Told in January and typed in today: the invoice asked for a transfer, and was no notice of a collection."""
    desk.sign("s00000")
    desk.office.clock.advance(timedelta(minutes=1))
    desk.sign("s00001")
    found = desk.propose()
    assert [each.end_to_end for each in desk.remittances.collections(found.remittance.number, "", -1, 9)] == [
        "E-2026-000001"
    ]
    code, why = desk.why(found.remittance.number)["E-2026-000002"]
    assert code == "no_notice" and "the mandate was not on record then" in why
    desk.remittances.discard(desk.office.key(), BY, found.remittance.number)
    again = desk.approve(desk.propose(DAY, "E-2026-000002").remittance.number)
    assert set(desk.states(again.remittance.number)) == {"E-2026-000001-2", "E-2026-000002"}


@ON_ONE
def test_a_day_on_which_nothing_can_be_collected_is_refused(desk: Desk) -> None:
    for day, sentence in (
        ("2026-11-22", "weekend or TARGET holiday\\); the next day is 2026-11-23"),
        ("2026-12-25", "the next day is 2026-12-28"),
        ("2026-11-23", "by 2026-11-20; today is 2026-11-21, so collect on 2026-11-24"),
        ("2027-03-01", "three months away"),
        ("tomorrow", "collect_on"),
        (DAY, "Nothing can be collected on 2026-11-24: 0 due items with a mandate are left out and 3 have no mandate"),
    ):
        with pytest.raises((Invalid, Refused), match=sentence):
            desk.propose(day)


def test_what_is_paid_before_the_approval_is_left_out_and_after_it_becomes_credit(desk: Desk) -> None:
    for supply in ("s00000", "s00001", "s00002"):
        desk.sign(supply)
    contested = Disputes(desk.office.database).open(desk.office.key(), BY, "E-2026-000003", "wrong reading")
    first = desk.propose().remittance.number
    assert desk.why(first) == {
        "E-2026-000003": ("disputed", "It is in dispute; it can be collected when that has ended.")
    }
    desk.remittances.discard(desk.office.key(), BY, first)
    Disputes(desk.office.database).close(desk.office.key(), BY, contested.invoice.number, "upheld")
    number = desk.propose().remittance.number
    desk.office.pay("E-2026-000001", "55.44")
    desk.office.pay("E-2026-000002", "5.44")
    found = desk.approve(number)
    assert found.sums == {"dropped": (1, D("55.44")), "sent": (2, D("105.44"))}
    assert (found.count, found.total) == (2, D("105.44"))
    desk.office.pay("E-2026-000003", "55.44", method="card")
    desk.to(DAY)
    desk.settle(number)
    assert desk.debt("s00001").items == ()
    assert (desk.debt("s00002").items, desk.debt("s00002").credit) == ((), D("55.44"))
    assert desk.books()["direct_debit"] == D("105.44")


def test_approving_and_settling_happen_once_whoever_races(desk: Desk) -> None:
    desk.sign()
    number, key = desk.propose().remittance.number, desk.office.key()
    in_threads(50, lambda _: desk.remittances.approve(key, BY, number))
    with pytest.raises(Refused, match="is approved already"):
        desk.approve(number)
    with pytest.raises(Refused, match="is collected on 2026-11-24; today is 2026-11-21"):
        desk.settle(number)
    desk.to(DAY)
    keys = [desk.office.key() for _ in range(50)]
    in_threads(50, lambda place: desk.collections.settle(keys[place], BY, number))
    assert desk.states(number) == {"E-2026-000001": "collected"}
    assert desk.remittances.get(number).remittance.state == "settled"
    (told,) = desk.office.events(PaymentReceived)
    assert (told.method, told.paid_on, told.amount.amount) == ("direct_debit", DAY, "55.44")
    assert desk.books()["direct_debit"] == D("55.44")


def test_a_settlement_that_is_killed_goes_on_where_it_was(
    desk: Desk, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for supply in ("s00000", "s00001", "s00002"):
        desk.sign(supply)
    number, key = desk.sent().remittance.number, desk.office.key()
    desk.to(DAY)
    monkeypatch.setattr(collecting, "AT_ONCE", 2)
    child = os.fork()
    if child == 0:
        settle_until_killed(database_url, desk.office, number, key)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    # The first part was booked; the second was killed after its payment was written, and nothing of it stayed.
    assert sorted(desk.states(number).values()) == ["collected", "collected", "sent"]
    assert desk.books()["direct_debit"] == 2 * D("55.44")
    desk.collections.settle(key, BY, number)
    assert set(desk.states(number).values()) == {"collected"} and desk.books()["direct_debit"] == 3 * D("55.44")
    assert len(desk.office.events(PaymentReceived)) == 3


def settle_until_killed(database_url: str, office: Office, number: str, key: RequestKey) -> None:
    """In a process of its own: dies as soon as the third collection is booked, before that is committed."""
    booked = []
    receive = Receiving.receive

    def dying(self: Receiving, tx: Transaction, money: Incoming) -> object:
        made = receive(self, tx, money)
        booked.append(made)
        if len(booked) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    try:
        Receiving.receive = dying  # type: ignore[assignment,method-assign]
        own = Database(database_url, service="billing", clock=office.clock)
        Collections(own, office.rules).settle(key, BY, number)
    finally:
        os._exit(1)  # it was not killed


def test_a_remittance_that_is_settled_late_is_not_the_last_use_of_its_mandates(desk: Desk) -> None:
    signed = desk.sign().kept.mandate
    for day, iban in (("2026-11-24", IBAN), ("2026-12-24", THIRD), ("2026-11-30", OTHER)):
        with desk.office.database.write() as tx:
            store.used(tx.connection, {signed.id: (date.fromisoformat(day), iban)})
    kept = desk.mandates.get(signed.reference).kept.mandate
    assert (kept.last_collected_on, kept.last_iban) == (date(2026, 12, 24), THIRD)


# ------------------------------------------------------------------------------------------------------------- returns
def test_a_return_opens_the_invoice_and_is_presented_again_once(desk: Desk) -> None:
    desk.sign()
    desk.collected()
    assert desk.debt().items == ()
    found = desk.back("E-2026-000001")
    assert (found.state, found.reason_code, found.returned_on) == ("returned", "AM04", date(2026, 11, 24))
    assert [item.number for item in desk.debt().items] == ["E-2026-000001"] and desk.debt().overdue == D("55.44")
    with pytest.raises(Refused, match="E-2026-000001 came back on 2026-11-24 already \\(AM04\\); nothing was booked"):
        desk.back("E-2026-000001", "MS02")
    (told,) = desk.office.events(DirectDebitReturned)
    assert (told.invoice_number, told.iban_masked, told.collected_again) == ("E-2026-000001", "ES79 **** 6789", True)
    assert not told.covered
    again = desk.sent("2026-11-26")
    assert desk.states(again.remittance.number) == {"E-2026-000001-2": "sent"}
    desk.to("2026-11-26")
    desk.settle(again.remittance.number)
    desk.back("E-2026-000001-2")
    assert not desk.office.events(DirectDebitReturned)[-1].collected_again
    with pytest.raises(Refused, match="It came back 2 times, the last one because there was not enough money"):
        desk.propose("2026-11-30")
    assert desk.propose("2026-11-30", "E-2026-000001").count == 1
    assert desk.books()["direct_debit"] == 0 and len(desk.office.events(PaymentReturned)) == 2


def test_a_reason_that_ends_the_mandate_ends_it_and_a_wrong_account_waits_for_another(desk: Desk) -> None:
    desk.sign("s00000")
    desk.sign("s00001")
    desk.collected()
    desk.back("E-2026-000001", "MD01")
    desk.back("E-2026-000002", "ac01")
    assert desk.mandates.get("ES0575000000000877HA-1").state == "cancelled"
    assert [event.mandate_ended for event in desk.office.events(DirectDebitReturned)] == [True, False]
    with pytest.raises(Refused, match="It came back because the account number is wrong"):
        desk.propose("2026-11-26")
    with pytest.raises(Refused, match="The bank said that the account cannot be debited"):
        desk.propose("2026-11-26", "E-2026-000002")
    desk.mandates.amend(desk.office.key(), BY, "ES0575000000000877HA-2", OTHER, "", "")
    number = desk.propose("2026-11-26", "E-2026-000002").remittance.number
    desk.approve(number)
    content = desk.remittances.file(number)[1]
    check_schema(content)
    assert b"<AmdmntInd>true</AmdmntInd>" in content and b">SMNDA<" in content and OTHER.encode() in content


def report(*entries: tuple[str, str, str], message: str = "", group: str = "") -> bytes:
    """A pain.002 of (end-to-end id, reason, amount)."""
    parts = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn>"
        f'</StsRsnInf><OrgnlTxRef><Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>'
        for name, reason, amount in entries
    )
    block = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>x</OrgnlPmtInfId>{parts}</OrgnlPmtInfAndSts>" if parts else ""
    status = f"<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>{group}</Cd></Rsn></StsRsnInf>" if group else ""
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>B</MsgId></GrpHdr>'
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message or 'R'}</OrgnlMsgId>{status}</OrgnlGrpInfAndSts>{block}"
        "</CstmrPmtStsRpt></Document>"
    ).encode()


def test_a_rejected_collection_was_never_paid(desk: Desk) -> None:
    desk.sign("s00000")
    desk.sign("s00001")
    number = desk.sent().remittance.number
    done = desk.take(report(("E-2026-000001", "AC04", "55.44")))
    assert (done.format, done.returned, done.amount, done.repeated) == ("pain.002", 1, D("55.44"), 0)
    assert desk.states(number) == {"E-2026-000001": "rejected", "E-2026-000002": "sent"}
    assert desk.office.events(PaymentReceived) == [] and desk.debt().not_yet_due == D("55.44")
    assert desk.take(report(("E-2026-000001", "AC04", "55.44"))).repeated == 1
    assert len(desk.office.events(DirectDebitReturned)) == 1
    whole = desk.take(report(message=number, group="FF01"))
    assert (whole.returned, whole.repeated) == (1, 1)
    desk.to(DAY)
    assert desk.settle(number).remittance.state == "settled" and "direct_debit" not in desk.books()


def test_a_file_is_booked_whole_or_not_at_all(desk: Desk) -> None:
    desk.sign("s00000")
    desk.sign("s00001")
    desk.collected()
    before = desk.books()
    good, unknown = ("E-2026-000001", "AM04", "55.44"), ("E-2026-999999", "AM04", "1.00")
    for entries, sentence in (
        ([good, unknown], "Nothing of the file was booked. .*'E-2026-999999' is no collection that was sent from here"),
        ([good, ("E-2026-000002", "AM04", "55.43")], "E-2026-000002 was a collection of 55.44, not of 55.43"),
        ([good, good], "E-2026-000001 is in the file twice"),
    ):
        with pytest.raises(Refused, match=sentence):
            desk.take(report(*entries))
    whole = report(good)
    for wrong in (whole[:-40], b"", b"PK\x03\x04"):
        with pytest.raises(Invalid):
            desk.take(wrong)
    assert desk.books() == before and desk.office.events(DirectDebitReturned) == []
    done = desk.take(report(good, unknown), known_only=True)
    assert done.returned == 1 and "999999" in done.left_out[0]
    with pytest.raises(NotFound, match="rejects the remittance 'R-other'"):
        desk.take(report(message="R-other", group="FF01"))


@ON_ONE
def test_who_paid_besides_owes_nothing_when_the_debit_comes_back_and_is_told_so(desk: Desk) -> None:
    desk.sign()
    desk.collected()
    desk.office.pay("E-2026-000001", "55.44", paid_on=DAY)
    assert desk.debt().credit == D("55.44")
    desk.back("E-2026-000001")
    (told,) = desk.office.events(DirectDebitReturned)
    assert (told.covered, told.collected_again) == (True, False)
    assert (desk.debt().items, desk.debt().credit) == ((), 0)


@ON_ONE
def test_what_was_refunded_before_it_came_back_opens_the_invoice_once(desk: Desk) -> None:
    """The bank takes the whole back, of which a part was given back before: that part the payer has twice."""
    desk.sign("s00000")
    desk.sign("s00001")
    number = desk.collected().remittance.number
    first, second = desk.remittances.collections(number, "collected", -1, 9)
    refunds = Refunds(desk.office.database, desk.office.rules)
    for debit, amount in ((first, "10.00"), (second, "55.44")):
        refunds.request(desk.office.key(), BY, debit.payment_id, D(amount), "EUR", "charged by mistake")
    done = desk.take(report(("E-2026-000001", "MD06", "55.44"), ("E-2026-000002", "MD06", "55.44")))
    assert (done.returned, done.amount, done.left_out) == (2, D("110.88"), ())
    for supply, debit, part in (("s00000", first, "10.00"), ("s00001", second, "55.44")):
        assert desk.debt(supply).overdue == D("55.44")
        (found,) = [each for each in desk.remittances.collections(number, "returned", -1, 9) if each.id == debit.id]
        assert found.why == f"{part} of it had been refunded before the bank took it back: claim that from the payer."
        assert found.returned_on is not None
    # The bank's movements of the refunds will leave here what the payer has twice.
    assert desk.books()["direct_debit"] == 0
    assert Books(desk.office.database, desk.office.rules).check().differences == ()


def test_the_same_return_fifty_times_is_one(desk: Desk) -> None:
    desk.sign()
    desk.collected()
    keys = [desk.office.key() for _ in range(50)]
    content = report(("E-2026-000001", "AM04", "55.44"))
    in_threads(50, lambda place: desk.collections.take_file(keys[place], BY, content, False))
    assert len(desk.office.events(PaymentReturned)) == 1 and desk.books()["direct_debit"] == 0


def test_returns_in_statements_before_the_settlement_show_both_movements(desk: Desk) -> None:
    desk.sign("s00000")
    desk.sign("s00001")
    number = desk.sent().remittance.number
    desk.to("2026-11-26")
    line = Line(-5544, date(2026, 11, 25), date(2026, 11, 25), "DEVOL E-2026-000002 MD06")
    details = "<RtrInf><Rsn><Cd>MS02</Cd></Rsn></RtrInf>"
    entry_of = entry(line, "08", f"<TxDtls><Refs><EndToEndId>E-2026-000001</EndToEndId></Refs>{details}</TxDtls>")
    norma43 = csb43([line, Line(1000)]).replace(b"02123", b"14123")
    for content, end_to_end, reason in (
        (document(entry_of, 100_000, 100_000 - 5544), "E-2026-000001", "MS02"),
        (norma43, "E-2026-000002", "MD06"),
    ):
        done = desk.take(content)
        assert (done.returned, done.repeated, desk.take(content).repeated) == (1, 0, 1)
        (found,) = [
            each for each in desk.remittances.collections(number, "returned", -1, 9) if each.end_to_end == end_to_end
        ]
        assert (found.reason_code, found.returned_on) == (reason, date(2026, 11, 25))
    assert [event.paid_on for event in desk.office.events(PaymentReceived)] == [DAY, DAY]
    assert desk.books()["direct_debit"] == 0 and desk.debt().overdue == D("55.44")
    with pytest.raises(Invalid, match="no returned direct debit"):
        desk.take(csb43([Line(1000)]))


@ON_ONE
def test_where_there_is_no_direct_debit_commands_say_so(office_ar: Office) -> None:
    assert debit_terms(office_ar.rules.profile) is None
    desk = Desk(
        office_ar,
        Mandates(office_ar.database, office_ar.rules, None),
        Remittances(office_ar.database, office_ar.rules, office_ar.blobs, None),
        Collections(office_ar.database, office_ar.rules),
    )
    for command in (desk.sign, desk.propose):
        with pytest.raises(Refused, match="collects nothing by direct debit"):
            command()
