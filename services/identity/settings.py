"""What identity is told besides the chassis' settings."""

from dataclasses import dataclass

from services.chassis.config import ServiceSettings
from services.chassis.environment import setting


def _slots(text: str) -> int:
    if not text.isdigit() or int(text) > 256:
        raise ValueError("give a whole number from 0 to 256; 0 means one per core")
    return int(text)


@dataclass(frozen=True)
class Settings(ServiceSettings):
    password_slots: int = setting(
        "COOP_PASSWORD_SLOTS",
        default="0",
        parse=_slots,
        help="how many passwords are hashed at once, 46 MiB each; 0 means one per core",
    )
