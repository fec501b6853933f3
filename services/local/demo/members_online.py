"""Opens the demonstration's member accounts the way a member does: register, follow the link of the mail, add supplies."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from coop.supplies.v1 import supplies_service_pb2 as supplies

from services.chassis.errors import TimedOut, Unauthenticated
from services.chassis.ids import new_id
from services.local.demo.cooperative import DemoMember
from services.local.demo.logins import MEMBER_PASSWORD
from services.staff.office import Office

PATIENCE_S = 60.0
_TOKEN = re.compile(r"/activate\?token=([A-Za-z0-9_.\-]+)")


class Inbox:
    """The local mail catcher's page, asked as a program."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/api/messages"

    def newest_id(self, to: str) -> str:
        """Id of the newest mail to an address, "" when there is none."""
        found = self._get(self._url, to=to)["messages"]
        return str(found[0]["id"]) if found else ""

    def text_after(self, to: str, after: str, wait_s: float) -> str:
        """Text of the newest mail to an address that came after the one with id `after`. Raises TimedOut."""
        found = self._get(self._url, to=to, after=after, wait=str(wait_s))["messages"]
        if not found:
            raise TimedOut(f"No mail to {to} arrived within {wait_s:.0f} s: look at the log of notifications.")
        return str(self._get(f"{self._url}/{found[0]['id']}")["text"])

    @staticmethod
    def _get(url: str, **query: str) -> Any:
        full = f"{url}?{urllib.parse.urlencode(query)}" if query else url
        with urllib.request.urlopen(full, timeout=PATIENCE_S + 10) as answer:
            return json.load(answer)


def open_account(addresses: Mapping[str, str], inbox: Inbox, member: DemoMember, with_supplies: bool) -> None:
    """Registers, activates and, when wanted, adds the member's supplies. What is done already is left as it is."""
    office = Office(addresses)
    try:
        if not _can_sign_in(office, member):
            _register(office, inbox, member)
            office.sign_in(member.person.email, MEMBER_PASSWORD, "Demonstration")
        if with_supplies:
            _add_supplies(office, member)
        with office.calling("identity"):
            office.identity.SignOut(identity.SignOutRequest())
    finally:
        office.close()


def _can_sign_in(office: Office, member: DemoMember) -> bool:
    try:
        office.sign_in(member.person.email, MEMBER_PASSWORD, "Demonstration")
    except Unauthenticated:
        return False
    return True


def _register(office: Office, inbox: Inbox, member: DemoMember) -> None:
    person = member.person
    before = inbox.newest_id(person.email)
    stub = office.anybody("identity", IdentityServiceStub)
    request = identity.RegisterRequest(
        email=person.email, password=MEMBER_PASSWORD, name=person.name, language=member.language, request_id=new_id()
    )
    with office.calling("identity"):
        stub.Register(request)
    found = _TOKEN.search(inbox.text_after(person.email, before, PATIENCE_S))
    if found is None:
        raise TimedOut(f"The mail to {person.email} has no activation link: look at it in the mail catcher.")
    with office.calling("identity"):
        stub.Activate(identity.ActivateRequest(token=found[1], request_id=new_id()))


def _add_supplies(office: Office, member: DemoMember) -> None:
    if _supply_count(office) == len(member.supplies):
        return
    born = member.person.birth_date
    request = supplies.RequestAssociationRequest(
        document=member.person.document, birth_date=born.isoformat() if born else "", request_id=new_id()
    )
    with office.calling("supplies"):
        office.supplies.RequestAssociation(request)
    # The answer says nothing, on purpose: what was found shows in the list a moment later.
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while _supply_count(office) < len(member.supplies):
        if time.monotonic() > deadline:
            raise TimedOut(f"The supplies of {member.person.email} did not appear: look at the log of supplies.")
        pause.wait(0.05)


def _supply_count(office: Office) -> int:
    with office.calling("supplies"):
        return len(office.supplies.ListMySupplies(supplies.ListMySuppliesRequest(page_size=50)).supplies)
