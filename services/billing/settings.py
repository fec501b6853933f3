"""Settings of billing: those of every service."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.config import ServiceSettings


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """Billing needs nothing that the other services do not have."""
