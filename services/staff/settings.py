"""Where coopctl finds the services and keeps the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from services.chassis import settings_checks
from services.chassis.config import ServiceSettings
from services.chassis.environment import setting


@dataclass(frozen=True)
class StaffSettings(ServiceSettings):
    """The services' addresses come from the same variables that the services read."""

    #: It neither keeps data nor reads a profile: only its certificate can be wrong.
    CHECKS: ClassVar = (settings_checks.certificates,)

    config: str = setting(
        "COOP_CONFIG_DIR", default="", help="folder of coopctl's session; empty means ~/.config/acometida"
    )

    #: In a cluster, the gateway's own address: the public one may not be reached from inside.
    gateway_url: str = setting("COOP_GATEWAY_URL", default="", help="the gateway for status; empty: COOP_PUBLIC_URL")

    @property
    def config_dir(self) -> Path:
        return Path(self.config) if self.config else Path.home() / ".config" / "acometida"
