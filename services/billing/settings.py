"""Settings of billing: those of every service, and how a bill run is cut."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.config import ServiceSettings
from services.chassis.environment import setting


def _chunk(text: str) -> int:
    size = int(text)
    if not 1 <= size <= 1000:
        raise ValueError("give 1 to 1000 supplies")
    return size


@dataclass(frozen=True)
class Settings(ServiceSettings):
    chunk_supplies: int = setting(
        "COOP_BILL_RUN_CHUNK", default="100", parse=_chunk, help="supplies that are billed in one transaction"
    )
    #: Used where the profile's card terminal is the sandbox alone.
    sandbox_bank_url: str = setting(
        "COOP_SANDBOX_BANK_URL", default="http://127.0.0.1:8026", help="the bank of a demonstration, for cards"
    )
