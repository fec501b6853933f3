"""Who may call a method, read from the proto option and enforced in one place. No option, no server."""

from dataclasses import dataclass

from coop.common.v1 import access_pb2
from google.protobuf.descriptor import ServiceDescriptor

from services.chassis.context import Principal
from services.chassis.errors import Forbidden, Unauthenticated

_KIND = {
    "anonymous": access_pb2.CALLER_KIND_ANONYMOUS,
    "member": access_pb2.CALLER_KIND_MEMBER,
    "staff": access_pb2.CALLER_KIND_STAFF,
    "service": access_pb2.CALLER_KIND_SERVICE,
}


#: Roles of programs: they open the methods that name them, and not those that are open to any staff.
PROGRAM_ROLES = frozenset({"calendar"})


class UndeclaredAccess(Exception):
    """A method's proto says not who may call it: the server must not start."""


@dataclass(frozen=True)
class Policy:
    """The access option of one method."""

    method: str
    kinds: frozenset[int]
    services: frozenset[str]
    staff_roles: frozenset[str]
    own_account: bool = False

    def check(self, caller: Principal) -> None:
        """Raises Unauthenticated for a stranger where somebody is needed, Forbidden for the wrong somebody."""
        if _KIND[caller.kind] in self.kinds:
            if caller.kind == "service" and caller.id not in self.services:
                raise Forbidden(f"Service {caller.id} may not call {self.method}.")
            if caller.kind == "staff" and self.staff_roles and not self.staff_roles & caller.roles:
                needed = " or ".join(sorted(self.staff_roles))
                raise Forbidden(f"{self.method} needs the role {needed}: ask whoever has the role security for it.")
            if caller.kind == "staff" and not self.staff_roles and not self.own_account and _is_program(caller):
                raise Forbidden(f"{self.method} is for people of the office: a program's role does not open it.")
            return
        if caller.kind == "anonymous":
            raise Unauthenticated("This needs a session: sign in first.")
        raise Forbidden(f"A {caller.kind} caller may not call {self.method}.")


def _is_program(caller: Principal) -> bool:
    return bool(caller.roles) and caller.roles <= PROGRAM_ROLES


def policies(descriptor: ServiceDescriptor) -> dict[str, Policy]:
    """The policy of each method of a service by its full path. Raises UndeclaredAccess naming a method without one."""
    found: dict[str, Policy] = {}
    for method in descriptor.methods:
        option = method.GetOptions().Extensions[access_pb2.access]
        kinds = frozenset(option.allow) - {access_pb2.CALLER_KIND_UNSPECIFIED}
        name = f"{descriptor.full_name}.{method.name}"
        if not kinds:
            raise UndeclaredAccess(f"{name} does not declare who may call it: add option (coop.common.v1.access).")
        if access_pb2.CALLER_KIND_SERVICE in kinds and not option.services:
            raise UndeclaredAccess(f"{name} lets services call it and names none: add services to its access option.")
        path = f"/{descriptor.full_name}/{method.name}"
        found[path] = Policy(name, kinds, frozenset(option.services), frozenset(option.staff_roles), option.own_account)
    return found
