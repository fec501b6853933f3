"""Where coopctl finds the services and keeps the session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.chassis.config import ServiceSettings, setting


@dataclass(frozen=True)
class StaffSettings(ServiceSettings):
    """The services' addresses come from the same variables that the services read."""

    config: str = setting(
        "COOP_CONFIG_DIR", default="", help="folder of coopctl's session; empty means ~/.config/acometida"
    )

    @property
    def config_dir(self) -> Path:
        return Path(self.config) if self.config else Path.home() / ".config" / "acometida"
