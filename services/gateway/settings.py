"""What the gateway is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from services.chassis.config import ServiceSettings, parse_address, parse_seconds
from services.chassis.environment import setting
from services.chassis.settings_checks import is_loopback


def _parse_count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 256:
        raise ValueError("give a number between 0 and 256")
    return value


def _proxies(settings: Settings) -> Iterator[str]:
    """Behind a proxy members come over HTTPS. With an address in plain http their cookies would travel readable."""
    host = urlsplit(settings.public_url).hostname or ""
    if settings.trusted_proxies and not settings.https and not is_loopback(host):
        yield (
            f"COOP_PUBLIC_URL is {settings.public_url!r} and COOP_TRUSTED_PROXIES is {settings.trusted_proxies}: give the "
            "https address by which members come through the proxy, or 0 proxies."
        )


def _own_port(settings: Settings) -> Iterator[str]:
    port = settings.http_address.rpartition(":")[2]
    if port != "0" and port == settings.metrics_address.rpartition(":")[2]:
        yield f"COOP_METRICS_ADDRESS is {settings.metrics_address!r}, and COOP_HTTP_ADDRESS has that port already."


@dataclass(frozen=True)
class Workers:
    """Where the gateway answers and by how many processes: what it has to know before the checks of the other settings import
    what counts."""

    http_address: str = setting(
        "COOP_HTTP_ADDRESS", default="127.0.0.1:8000", parse=parse_address, help="where pages and API listen"
    )
    web_workers: int = setting("COOP_WEB_WORKERS", default="1", parse=_parse_count, help="worker processes")


@dataclass(frozen=True)
class Settings(ServiceSettings, Workers):
    """The gateway's own settings beside those of every service."""

    CHECKS: ClassVar = (*ServiceSettings.CHECKS, _proxies, _own_port)

    web_threads: int = setting("COOP_WEB_THREADS", default="16", parse=_parse_count, help="requests at once per worker")
    #: How many reverse proxies stand in front and set X-Forwarded-For; 0 believes none of those headers.
    trusted_proxies: int = setting(
        "COOP_TRUSTED_PROXIES", default="0", parse=_parse_count, help="reverse proxies in front"
    )
    page_budget_s: float = setting(
        "COOP_PAGE_BUDGET_SECONDS", default="2.5", parse=parse_seconds, help="how long a page waits for its parts"
    )
    #: Signs form tokens and messages between two pages. Empty: made once and kept under keys_dir.
    secret: str = setting("COOP_GATEWAY_SECRET", default="", help="secret shared by every gateway replica", secret=True)

    @property
    def https(self) -> bool:
        """Whether members reach the portal over HTTPS, which decides the cookies' names and their Secure mark."""
        return self.public_url.startswith("https://")
