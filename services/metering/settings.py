"""What metering is told besides what every service is."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.config import ServiceSettings
from services.chassis.environment import setting


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """Settings of metering."""

    max_file_bytes: int = setting(
        "COOP_METERING_MAX_FILE_BYTES", default=str(2 << 30), parse=int, help="largest meter file taken"
    )
