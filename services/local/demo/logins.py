"""Who can sign in to the demonstration. These passwords exist in a demo profile only; the loader is their one user."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.profile import Profile
from services.local.demo.cooperative import Cast, DemoMember

MEMBER_PASSWORD = "girasoles-al-viento"
STAFF_PASSWORD = "llaves-del-transformador"
STAFF_NAME = "Oficina"


@dataclass(frozen=True)
class Logins:
    """What the runner prints once everything is loaded."""

    cast: Cast
    staff_email: str

    @classmethod
    def of(cls, profile: Profile, cast: Cast) -> Logins:
        return cls(cast, profile.email)

    def lines(self) -> list[str]:
        marta = self.cast.marta.person
        born = f"{marta.birth_date:%d/%m/%Y}" if marta.birth_date else ""
        return [
            f"Members, password {MEMBER_PASSWORD}:",
            f"  {self.cast.ana.person.email:<20} two supplies, everything paid",
            f"  {self.cast.luis.person.email:<20} two months overdue",
            f"  {marta.email:<20} no supply yet: add it with {marta.document_type.upper()} {marta.document}, born {born}",
            f"Office, password {STAFF_PASSWORD}:",
            f"  {self.staff_email:<20} coopctl login",
        ]


def account_holders(cast: Cast) -> list[tuple[DemoMember, bool]]:
    """The members who have an account, and whether their supplies are added to it."""
    return [(cast.ana, True), (cast.luis, True), (cast.marta, False)]
