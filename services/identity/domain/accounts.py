"""What an account holds and which values it accepts."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from services.chassis.errors import Invalid, Violation

#: What people of the office may be allowed to do; each gRPC method names the roles it wants.
STAFF_ROLES = ("reader", "support", "metering", "billing", "security", "auditor")
#: Of programs: "calendar" starts what runs by the calendar, and opens nothing that does not name it.
PROGRAM_ROLES = ("calendar",)
MAX_NAME = 120
ValueT = TypeVar("ValueT")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Account:
    """An account as its owner sees it. ``kind`` is "member" or "staff"; ``state`` "pending" until its mail was confirmed."""

    id: str
    email: str
    name: str
    language: str
    kind: str
    state: str
    roles: tuple[str, ...]
    created_at: datetime


def parse_name(text: str, field: str = "name") -> str:
    """A person's name: trimmed, inner blanks single, NFC. Raises Invalid when empty or too long."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise Invalid("Write your name.", "NAME_MISSING", field=field)
    if len(name) > MAX_NAME or _CONTROL.search(name):
        raise Invalid(
            f"The name must have at most {MAX_NAME} characters and no control characters.",
            "NAME_MALFORMED",
            field=field,
        )
    return name


def parse_language(text: str, offered: Iterable[str], default: str, field: str = "language") -> str:
    """One of the languages the cooperative offers; empty means the default. Raises Invalid otherwise."""
    offered = tuple(offered)
    language = text.strip() or default
    if language not in offered:
        raise Invalid(
            f"Language {language!r} is not offered: choose one of {', '.join(offered)}.",
            "LANGUAGE_UNKNOWN",
            field=field,
        )
    return language


def parse_roles(roles: Iterable[str], field: str = "roles") -> tuple[str, ...]:
    """Staff roles without repetition, in the order of STAFF_ROLES. Raises Invalid for none or an unknown one."""
    wanted = {role.strip() for role in roles}
    known = (*STAFF_ROLES, *PROGRAM_ROLES)
    unknown = sorted(wanted - set(known))
    choices = ", ".join(known)
    if unknown:
        raise Invalid(
            f"There is no role {unknown[0]!r}: choose from {choices}.",
            "ROLE_UNKNOWN",
            violations=[Violation(field, f"there is no role {role!r}") for role in unknown],
        )
    if not wanted:
        raise Invalid(f"Give at least one role: {choices}.", "ROLE_MISSING", field=field)
    return tuple(role for role in known if role in wanted)


class Mistakes:
    """Gathers what is wrong with several fields, so that a form shows every mistake at once."""

    def __init__(self) -> None:
        self._found: list[Invalid] = []

    def check(self, parse: Callable[[], ValueT], wrong: ValueT) -> ValueT:
        """What ``parse`` gives; ``wrong`` when it raises Invalid, which is kept."""
        try:
            return parse()
        except Invalid as refused:
            self._found.append(refused)
            return wrong

    def raise_any(self) -> None:
        """Raises one Invalid with the violations of all that was kept; nothing when all was well.

        The metadata ``reason_<field>`` gives each field's own reason, for whoever shows the sentence in another language.
        """
        if not self._found:
            return
        violations = [violation for refused in self._found for violation in refused.violations]
        reasons = {
            f"reason_{violation.field}": refused.reason for refused in self._found for violation in refused.violations
        }
        reason = self._found[0].reason if len(self._found) == 1 else "INVALID"
        raise Invalid(" ".join(refused.message for refused in self._found), reason, violations=violations, **reasons)
