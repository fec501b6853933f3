"""Associating an account with a holder's supplies under both policies, and that its answers tell nothing."""

from datetime import timedelta

import pytest
from coop.supplies.events.v1 import events_pb2 as events
from coop.supplies.v1 import supplies_service_pb2 as pb
from sqlalchemy import select

from services.chassis.errors import Invalid, NotFound, Refused, Throttled
from services.chassis.ids import new_id
from services.chassis.jobs import Worker
from services.supplies.tables import association
from tests.integration.supplies.conftest import Start
from tests.integration.supplies.office import ANA, ANA_SECOND, LUCAS, LUIS, activated, ask, import_rows, mine
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal
from tests.support.work import work_of_calls

WRONG_CODE = "The code is not right or is no longer valid: type the newest one, or add the supply again to get another."


def settled(supplies: ServiceUnderTest, account_id: str) -> list[str]:
    """States of the account's requests, once all are settled."""

    def states() -> list[str]:
        with supplies.process.kit.database.read() as connection:
            return list(
                connection.execute(
                    select(association.c.state).where(association.c.account_id == account_id).order_by(association.c.id)
                ).scalars()
            )

    eventually(lambda: "requested" not in states())
    return states()


def code_of(supplies: ServiceUnderTest, number: int = 1) -> str:
    event_id, due = supplies.await_event(events.AssociationCodeDue, number)
    request = pb.IssueAssociationCodeRequest(association_id=due.association_id, event_id=event_id)
    answer = supplies.as_service("notifications").IssueAssociationCode(request)
    assert answer.valid_minutes == 10
    return str(answer.code)


def confirm(supplies: ServiceUnderTest, account_id: str, code: str) -> int:
    request = pb.ConfirmAssociationRequest(code=code, request_id=new_id())
    return int(supplies.as_member(account_id).ConfirmAssociation(request).supplies_added)


def granted(supplies: ServiceUnderTest, account_id: str) -> int:
    return sum(event.account_id == account_id for _, event in supplies.events(events.AccessGranted))


def test_confirm_grants_at_once_to_the_address_on_file(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA, ANA_SECOND, LUIS)
    activated(spain, "account-ana", "ANA@example.org")
    assert ask(spain, "account-ana", "12.345.678-z", "1984-03-12") == b""
    assert settled(spain, "account-ana") == ["granted"]
    answer = spain.as_member("account-ana").ListMySupplies(pb.ListMySuppliesRequest())
    assert [(each.account_number, each.relation, each.holder_document) for each in answer.supplies] == [
        ("5555/1", "holder", "12345678Z"),
        ("5555/2", "holder", "12345678Z"),
    ]
    assert answer.current_supply_id == answer.supplies[0].id
    assert granted(spain, "account-ana") == 2
    (_, notice), = spain.events(events.AssociationNoticeDue)  # fmt: skip
    assert (notice.email, list(notice.account_numbers)) == ("ana@example.org", ["5555/1", "5555/2"])
    with spain.process.kit.database.read() as connection:
        kept = connection.execute(select(association.c.document_key, association.c.birth_date)).one()
    assert tuple(kept) == (None, None)  # the typed facts are taken away


def test_confirm_sends_a_code_to_the_contact_on_file_otherwise(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    activated(spain, "account-x", "other@example.org")
    ask(spain, "account-x", "12345678Z", "1984-03-12")
    assert settled(spain, "account-x") == ["code_due"]
    assert mine(spain, "account-x") == []
    _, due = spain.await_event(events.AssociationCodeDue)
    assert (due.email, due.account_id) == ("ana@example.org", "account-x")
    code = code_of(spain)
    with spain.process.kit.database.read() as connection:
        assert code not in str(connection.execute(select(association)).one())
    assert isinstance(refusal(lambda: confirm(spain, "account-y", code)), Invalid)  # bound to the account
    assert confirm(spain, "account-x", f" {code[:4].lower()}-{code[4:]} ") == 1
    assert mine(spain, "account-x") == ["5555/1"]
    assert len(spain.events(events.AssociationNoticeDue)) == 1
    assert refusal(lambda: confirm(spain, "account-x", code)).message == WRONG_CODE  # single use


def test_codes_expire_are_replaced_and_bear_five_wrong_tries(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    activated(spain, "account-x", "other@example.org")
    ask(spain, "account-x", "12345678Z", "1984-03-12")
    older, code = code_of(spain), code_of(spain)
    assert refusal(lambda: confirm(spain, "account-x", older)).message == WRONG_CODE
    spain.clock.advance(timedelta(minutes=10))
    assert refusal(lambda: confirm(spain, "account-x", code)).message == WRONG_CODE
    code = code_of(spain)
    for _ in range(4):
        refused = refusal(lambda: confirm(spain, "account-x", "AAAAAAAA"))
        assert isinstance(refused, Invalid) and refused.violations[0].field == "code"
    assert refusal(lambda: confirm(spain, "account-x", code)).message == WRONG_CODE
    event_id, due = spain.await_event(events.AssociationCodeDue)
    again = pb.IssueAssociationCodeRequest(association_id=due.association_id, event_id=event_id)
    assert isinstance(refusal(lambda: spain.as_service("notifications").IssueAssociationCode(again)), Refused)
    unknown = pb.IssueAssociationCodeRequest(association_id=due.association_id, event_id="another")
    assert isinstance(refusal(lambda: spain.as_service("notifications").IssueAssociationCode(unknown)), NotFound)


def test_a_repeated_confirmation_gives_the_same_answer_and_costs_no_try(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    activated(spain, "account-x", "other@example.org")
    ask(spain, "account-x", "12345678Z", "1984-03-12")
    code = code_of(spain)
    member = spain.as_member("account-x")
    wrong = pb.ConfirmAssociationRequest(code="AAAAAAAA", request_id=new_id())
    for _ in range(6):
        refusal(lambda: member.ConfirmAssociation(wrong))
    right = pb.ConfirmAssociationRequest(code=code, request_id=new_id())
    assert [member.ConfirmAssociation(right).supplies_added for _ in range(2)] == [1, 1]
    assert granted(spain, "account-x") == 1


def test_without_a_contact_on_file_the_office_gets_one_case(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA | {"email": ""})
    activated(spain, "account-ana", "ana@example.org")
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    assert settled(spain, "account-ana") == ["case", "nothing"]
    assert len(spain.events(events.AssociationCaseOpened)) == 1
    assert mine(spain, "account-ana") == []


def test_direct_grants_at_once_and_tells_the_contact(argentina: ServiceUnderTest) -> None:
    import_rows(argentina, LUCAS)
    ask(argentina, "account-l", "20123456", "30/07/1979")
    activated(argentina, "account-l", "another@example.org")
    assert settled(argentina, "account-l") == ["granted"]
    assert argentina.await_event(events.AssociationNoticeDue)[1].email == "lucas@example.org"
    # A second account over the same holder is confirmed even here, and the holder is written to.
    activated(argentina, "account-m", "stranger@example.org")
    ask(argentina, "account-m", "20-20123456-6", "1979-07-30")
    assert settled(argentina, "account-m") == ["code_due"]
    assert argentina.await_event(events.AssociationCodeDue)[1].email == "lucas@example.org"
    assert mine(argentina, "account-m") == []


def test_an_association_wakes_who_settles_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Worker.__init__, "__kwdefaults__", {"look_every_s": 3600.0})
    argentina = start("demo-ar")
    import_rows(argentina, LUCAS)
    activated(argentina, "account-l", "lucas@example.org")
    ask(argentina, "account-l", "20123456", "1979-07-30")
    eventually(lambda: mine(argentina, "account-l") == ["5555/1"])


def test_who_is_associated_sees_supplies_that_come_later(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    activated(spain, "account-ana", "ana@example.org")
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    settled(spain, "account-ana")
    import_rows(spain, ANA_SECOND, LUIS)
    assert mine(spain, "account-ana") == ["5555/1", "5555/2"]
    assert granted(spain, "account-ana") == 2
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    assert settled(spain, "account-ana") == ["granted", "nothing"]
    assert granted(spain, "account-ana") == 2


def test_a_supply_of_somebody_else_is_not_found(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA, LUIS)
    activated(spain, "account-ana", "ana@example.org")
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    settled(spain, "account-ana")
    theirs, own = (
        spain.as_staff("reader").GetSupply(pb.GetSupplyRequest(supply_id=number)).supply.id
        for number in ("5601/1", "5555/1")
    )
    ana = spain.as_member("account-ana")
    assert ana.GetSupply(pb.GetSupplyRequest(supply_id=own)).supply.account_number == "5555/1"
    words = set()
    for reference in (theirs, "no-such-supply", "5601/1", "5555/1", "ES0575000000000002AW"):
        refused = refusal(lambda it=reference: ana.GetSupply(pb.GetSupplyRequest(supply_id=it)))
        assert isinstance(refused, NotFound)
        words.add(refused.message.replace(reference, "…"))
    assert words == {"There is no supply '…': check the number."}
    choose = pb.SetCurrentSupplyRequest(supply_id=theirs, request_id=new_id())
    assert isinstance(refusal(lambda: ana.SetCurrentSupply(choose)), NotFound)


def test_the_current_supply_is_kept(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA, ANA_SECOND)
    activated(spain, "account-ana", "ana@example.org")
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    settled(spain, "account-ana")
    ana = spain.as_member("account-ana")
    second = ana.ListMySupplies(pb.ListMySuppliesRequest()).supplies[1].id
    ana.SetCurrentSupply(pb.SetCurrentSupplyRequest(supply_id=second, request_id=new_id()))
    page = ana.ListMySupplies(pb.ListMySuppliesRequest(page_size=1))
    rest = ana.ListMySupplies(pb.ListMySuppliesRequest(page_size=1, page_token=page.next_page_token))
    assert page.current_supply_id == second
    assert ([each.id for each in rest.supplies], rest.next_page_token) == ([second], "")


@pytest.mark.parametrize(
    ("document", "birth_date", "field"),
    [
        ("12345678A", "1984-03-12", "document"),
        ("12345678Z", "1984-02-31", "birth_date"),
        ("12345678Z", "2084-03-12", "birth_date"),
    ],
)
def test_facts_that_cannot_be_are_told_at_once(
    spain: ServiceUnderTest, document: str, birth_date: str, field: str
) -> None:
    refused = refusal(lambda: ask(spain, "account-ana", document, birth_date))
    assert isinstance(refused, Invalid) and refused.violations[0].field == field


def test_attempts_are_limited_alike_whatever_was_found_and_across_a_restart(start: Start) -> None:
    supplies = start("demo-es")
    import_rows(supplies, ANA)
    for document in ("12345678Z", "00000000T"):
        for number in range(5):
            ask(supplies, f"{document}-{number}", document, "1990-01-01", address=f"10.0.{number}.1")
        refused = refusal(lambda it=document: ask(supplies, "new", it, "1990-01-01"))
        assert isinstance(refused, Throttled) and refused.retry_after_s == 3600
        assert refused.message == "Too many attempts to add a supply: try again in 60 minutes."
    supplies.close()
    again = start("demo-es", clock=supplies.clock)
    assert isinstance(refusal(lambda: ask(again, "new", "12345678Z", "1984-03-12")), Throttled)
    again.clock.advance(timedelta(hours=1))
    assert ask(again, "new", "12345678Z", "1984-03-12") == b""


def test_one_account_and_one_network_have_their_own_limits(spain: ServiceUnderTest) -> None:
    numbers = ("00000000T", "00000001R", "00000002W", "00000003A", "00000004G", "00000005M")
    for document in numbers[:5]:
        ask(spain, "account-x", document, "1990-01-01")
    assert isinstance(refusal(lambda: ask(spain, "account-x", numbers[5], "1990-01-01")), Throttled)
    assert ask(spain, "account-y", numbers[5], "1990-01-01") == b""


def test_the_answer_costs_the_same_for_a_match_and_for_nothing(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)

    def work(account: str, document: str, address: str) -> list[str]:
        request = pb.RequestAssociationRequest(document=document, birth_date="1984-03-12", request_id=new_id())
        with work_of_calls(spain) as done:
            assert (
                spain.as_member(account, address=address).RequestAssociation(request) == pb.RequestAssociationResponse()
            )
        return done

    match = work("known", "12345678Z", "10.1.0.1")
    assert any("INSERT INTO association" in step for step in match)
    assert not any("FROM member" in step for step in match)
    assert match == work("unknown", "00000000T", "10.2.0.1")


def test_a_request_waits_for_the_confirmed_address(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    activated(spain, "account-ana", "ana@example.org")
    assert settled(spain, "account-ana") == ["granted"]


def test_a_request_without_word_from_identity_is_settled_after_half_a_minute(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    ask(spain, "account-ana", "12345678Z", "1984-03-12")
    spain.clock.advance(timedelta(seconds=30))
    assert settled(spain, "account-ana") == ["code_due"]
