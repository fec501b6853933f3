"""A member's invitation, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from coop.supplies.v1 import invitations_service_pb2 as pb


@dataclass(frozen=True)
class InvitationView:
    """`code` is empty while the holder has none; `wh` is what each of the two gets, 0 where there are no invitations.

    `used_at`: when friends used it, the newest first. `invited_at`: when this supply used somebody's; `name_until`: the
    last day on which it may, None when it may not.
    """

    code: str
    wh: int
    used_at: tuple[datetime, ...]
    invited_at: datetime | None
    name_until: date | None

    @classmethod
    def of(cls, answer: pb.GetInvitationResponse) -> InvitationView:
        return cls(
            answer.invitation.code,
            answer.wh,
            tuple(instant.ToDatetime(UTC) for instant in answer.used_at),
            answer.invited_at.ToDatetime(UTC) if answer.HasField("invited_at") else None,
            date.fromisoformat(answer.may_name_until) if answer.may_name_until else None,
        )
