"""Invitations on both databases: a member's own code, and new supplies whose contract names somebody else's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from coop.supplies.events.v1 import events_pb2 as events
from coop.supplies.v1 import invitations_service_pb2 as pb
from coop.supplies.v1 import supplies_service_pb2
from coop.supplies.v1.invitations_service_pb2_grpc import InvitationsServiceStub

from services.chassis.errors import CoopError, Invalid, NotFound, Refused, Throttled
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from tests.integration.supplies.office import ANA, ANA_SECOND, LUCAS, LUIS, activated, ask, import_rows, mine
from tests.integration.supplies.test_associations import settled
from tests.support.service_under_test import ServiceUnderTest


class Members:
    """Members and the office, as callers of the invitations of a running service."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service

    def stub(self, who: str) -> Any:
        kept, self.service.stub_type = self.service.stub_type, InvitationsServiceStub
        try:
            return self.service.as_staff("support") if who == "office" else self.service.as_member(who)
        finally:
            self.service.stub_type = kept

    def created(self, who: str, supply: str, request_id: str = "") -> str:
        request = pb.CreateInvitationRequest(supply_id=supply, request_id=request_id or new_id())
        with remote():
            return str(self.stub(who).CreateInvitation(request).invitation.code)

    def named(self, who: str, supply: str, code: str, request_id: str = "") -> int:
        request = pb.RedeemInvitationRequest(supply_id=supply, code=code, request_id=request_id or new_id())
        with remote():
            return int(self.stub(who).RedeemInvitation(request).wh)

    def seen(self, who: str, supply: str) -> Any:
        with remote():
            return self.stub(who).GetInvitation(pb.GetInvitationRequest(supply_id=supply))

    def revoked(self, code: str) -> Any:
        with remote():
            return self.stub("office").RevokeInvitation(pb.RevokeInvitationRequest(code=code, request_id=new_id()))

    def owed(self) -> list[tuple[str, str, int]]:
        """(inviter, invited, Wh) of every event."""
        return [
            (event.inviter_member_id, event.invited_member_id, event.wh)
            for _, event in self.service.events(events.InvitationRedeemed)
        ]


def new(service: ServiceUnderTest, row: dict[str, str], **more: str) -> dict[str, str]:
    """The line of a supply that came ten days ago."""
    day = (service.clock.now().date() - timedelta(days=10)).isoformat()
    dates = dict.fromkeys(("connected_on", "billing_from", "meter_from", "contract_from"), day)
    return {**row, **dates, **more}


@pytest.fixture
def members(spain: ServiceUnderTest) -> Members:
    import_rows(spain, ANA, new(spain, LUIS))
    return Members(spain)


def refusal(act: Callable[[], object]) -> tuple[type[CoopError], str]:
    with pytest.raises(CoopError) as refused:
        act()
    return type(refused.value), refused.value.reason


def test_a_member_has_one_code_and_a_new_supply_names_it_once(members: Members) -> None:
    code = members.created("office", "5555/1", "once")
    assert members.created("office", "5555/1", "once") == members.created("office", "5555/1") == code
    assert members.seen("office", "5601/1").may_name_until
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert members.named("office", "5601/1", typed, "r") == members.named("office", "5601/1", typed, "r") == 100_000
    assert [wh for _, _, wh in members.owed()] == [100_000]
    assert len({member for pair in members.owed() for member in pair[:2]}) == 2
    seen = members.seen("office", "5601/1")
    assert seen.HasField("invited_at") and not seen.may_name_until and not seen.HasField("invitation")
    assert (members.seen("office", "5555/1").invitation.used, len(members.seen("office", "5555/1").used_at)) == (1, 1)
    assert refusal(lambda: members.named("office", "5601/1", code)) == (Refused, "INVITATION_USED")


def test_what_does_not_hold_is_refused_by_name(members: Members) -> None:
    service = members.service
    import_rows(service, new(service, ANA_SECOND))
    code = members.created("office", "5555/1")
    assert refusal(lambda: members.named("office", "5555/2", code)) == (Refused, "INVITATION_OWN")
    assert refusal(lambda: members.named("office", "5601/1", "7K3M-9QXF")) == (NotFound, "INVITATION_UNKNOWN")
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    assert refusal(lambda: members.named("office", "5601/1", wrong)) == (Invalid, "INVITATION_MISSPELT")
    luis = members.created("office", "5601/1")
    assert refusal(lambda: members.named("office", "5555/1", luis)) == (Refused, "INVITATION_LATE")
    assert members.revoked(code).invitation.HasField("revoked_at")
    again = members.revoked(code)
    assert again.invitation.code == code
    assert refusal(lambda: members.named("office", "5601/1", code)) == (Refused, "INVITATION_REVOKED")
    assert refusal(lambda: members.revoked("7K3M-9QXF")) == (NotFound, "INVITATION_UNKNOWN")
    assert members.owed() == []
    fresh = members.created("office", "5555/1")
    # Who prints the code hears of each change, and of it again when the office changes the member.
    import_rows(service, ANA | {"phone": "600 000 009"})
    told = [each for _, each in service.events(events.MemberChanged) if each.member_number == "5555"]
    assert [each.invitation_code for each in told] == ["", code, "", fresh, fresh]
    assert [each.version for each in told] == [1, 2, 3, 4, 5]
    assert fresh != code
    with remote():
        pages, token = [], ""
        while True:
            request = pb.ListInvitationsRequest(page_size=2, page_token=token)
            answer = members.stub("office").ListInvitations(request)
            pages.append([each.code for each in answer.invitations])
            token = answer.next_page_token
            if not token:
                break
    assert [len(page) for page in pages] == [2, 1]
    assert sorted([*pages[0], *pages[1]]) == sorted([code, luis, fresh])


def test_the_members_file_names_a_code(members: Members) -> None:
    service = members.service
    code = members.created("office", "5555/1")
    line = new(service, LUIS, invitation_code=code.lower())
    answer = import_rows(service, line)
    assert (answer.rows_unchanged, list(answer.refused)) == (0, [])
    assert import_rows(service, line).rows_unchanged == 1
    assert [wh for _, _, wh in members.owed()] == [100_000]
    other = members.created("office", "5601/1")
    # Refused as a whole, each by its reason: the second of the file is somebody new who is told of a code nobody has.
    stranger = new(service, ANA_SECOND) | {"member_number": "5700", "account_number": "5700/1", "document": "00000001R"}
    answer = import_rows(
        service,
        line | {"invitation_code": "7K3M-9QXF", "name": "Another Name"},
        stranger | {"invitation_code": "7K3M-9QXF"},
        new(service, ANA_SECOND, invitation_code=code),
        ANA | {"invitation_code": other},
        ANA | {"invitation_code": "7K3M-9QXX"},
    )
    assert [(row.line, row.field) for row in answer.refused] == [(n, "invitation_code") for n in range(2, 7)]
    assert answer.members_created == answer.members_updated == answer.supplies_created == 0
    # A supply and its code in one line.
    answer = import_rows(service, stranger | {"invitation_code": other}, stranger | {"invitation_code": other})
    assert (answer.supplies_created, answer.rows_unchanged) == (1, 1)
    assert len(members.owed()) == 2


def test_a_member_sees_and_names_codes_of_their_own_supplies_alone(members: Members) -> None:
    service = members.service
    activated(service, "account-luis", "luis@example.org")
    ask(service, "account-luis", "00000000T", "1979-07-30")
    assert settled(service, "account-luis") == ["granted"]
    assert mine(service, "account-luis") == ["5601/1"]
    found = {account: _supply_id(service, account) for account in ("5555/1", "5601/1")}
    code = members.created("office", "5555/1")
    for act in (
        lambda: members.seen("account-luis", found["5555/1"]),
        lambda: members.created("account-luis", found["5555/1"]),
        lambda: members.named("account-luis", found["5555/1"], code),
        lambda: members.seen("account-luis", "5601/1"),  # by number is the office's way
    ):
        assert refusal(act)[0] is NotFound
    assert (
        members.created("account-luis", found["5601/1"])
        == members.seen("account-luis", found["5601/1"]).invitation.code
    )
    assert members.named("account-luis", found["5601/1"], code) == 100_000
    tries = [refusal(lambda: members.named("account-luis", found["5601/1"], "7K3M-9QXF")) for _ in range(10)]
    assert tries[-1] == (Throttled, "TOO_MANY_ATTEMPTS")


def test_two_who_name_codes_for_one_supply_at_once_name_one(members: Members) -> None:
    code = members.created("office", "5555/1")

    def name(_: int) -> int:
        try:
            return members.named("office", "5601/1", code)
        except Refused:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(name, range(4))) == [0, 0, 0, 100_000]
    assert len(members.owed()) == 1


def test_a_cooperative_without_invitations_gives_none(argentina: ServiceUnderTest) -> None:
    import_rows(argentina, LUCAS)
    members = Members(argentina)
    assert refusal(lambda: members.created("office", "5555/1")) == (Refused, "NO_INVITATIONS")
    assert refusal(lambda: members.named("office", "5555/1", "7K3M-9QXF")) == (Refused, "NO_INVITATIONS")
    assert members.seen("office", "5555/1").wh == 0


def _supply_id(service: ServiceUnderTest, account_number: str) -> str:
    request = supplies_service_pb2.GetSupplyRequest(supply_id=account_number)
    return str(service.as_staff("support").GetSupply(request).supply.id)
