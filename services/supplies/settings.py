"""What supplies is told: the chassis' settings are enough."""

from dataclasses import dataclass

from services.chassis.config import ServiceSettings


@dataclass(frozen=True)
class Settings(ServiceSettings):
    pass
