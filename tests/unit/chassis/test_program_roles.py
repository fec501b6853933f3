"""A program's role opens what names it and its own session; a person's role opens what is open to any staff."""

import pytest
from coop.common.v1 import operations_service_pb2
from coop.identity.v1 import identity_service_pb2

from services.chassis.context import Principal
from services.chassis.errors import Forbidden
from services.chassis.grpc.access import PROGRAM_ROLES, Policy, policies
from services.identity.domain.accounts import PROGRAM_ROLES as ROLES_OF_PROGRAMS
from services.identity.domain.accounts import parse_roles

OPERATIONS = policies(operations_service_pb2.DESCRIPTOR.services_by_name["OperationsService"])
IDENTITY = policies(identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"])


def staff(*roles: str) -> Principal:
    return Principal("staff", "robot", roles=frozenset(roles))


def test_what_is_open_to_any_staff_is_closed_to_a_program() -> None:
    policy = OPERATIONS["/coop.common.v1.OperationsService/ListDeadLetters"]
    policy.check(staff("reader"))
    policy.check(staff("reader", "calendar"))
    with pytest.raises(Forbidden, match="for people of the office"):
        policy.check(staff("calendar"))


def test_a_program_opens_what_names_it_and_signs_out() -> None:
    named = Policy("x.Y.Z", policies_kinds(), frozenset(), frozenset({"billing", "calendar"}))
    named.check(staff("calendar"))
    with pytest.raises(Forbidden, match="needs the role"):
        named.check(staff("reader"))
    for method in ("SignOut", "ChangePassword", "GetMyAccount", "ListMySessions", "RevokeSession"):
        IDENTITY[f"/coop.identity.v1.IdentityService/{method}"].check(staff("calendar"))
    with pytest.raises(Forbidden):
        IDENTITY["/coop.identity.v1.IdentityService/GetStaffNames"].check(staff("calendar"))


def policies_kinds() -> frozenset[int]:
    return OPERATIONS["/coop.common.v1.OperationsService/GetLag"].kinds


def test_identity_gives_out_the_roles_that_the_guard_knows() -> None:
    assert frozenset(ROLES_OF_PROGRAMS) == PROGRAM_ROLES
    assert parse_roles(["calendar", "reader"]) == ("reader", "calendar")
