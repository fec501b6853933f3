"""Settings of the one-machine installation: one port decides all the others."""

from dataclasses import dataclass
from pathlib import Path

from services.chassis.environment import setting
from services.chassis.log_levels import parse_log_level
from services.chassis.profile import Profile

DEFAULT_PORT = 8000


def _port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65000:
        raise ValueError("give a port between 1024 and 65000")
    return int(text)


@dataclass(frozen=True)
class LocalSettings:
    """What ``make run`` reads from the environment."""

    port: int = setting("PORT", default=str(DEFAULT_PORT), parse=_port, help="port of the page; the others follow it")
    #: Empty: ``var/<profile>`` beside the code.
    data_dir: str = setting("COOP_DATA_DIR", default="", help="folder of everything that is kept")
    bind: str = setting("COOP_BIND", default="127.0.0.1", help="address the page listens on")
    log_level: str = setting("COOP_LOG_LEVEL", default="info", parse=parse_log_level)

    def folder(self, profile: str) -> Path:
        return Path(self.data_dir).resolve() if self.data_dir else Path("var").resolve() / profile

    @property
    def page(self) -> str:
        return f"http://{self.bind}:{self.port}"

    @property
    def inbox(self) -> str:
        return f"http://127.0.0.1:{self.port + 25}"

    @property
    def bank(self) -> str:
        """The page of the demonstration's bank, for profiles that have one."""
        return f"http://{self.bind}:{self.port + 26}"

    def environment(self, profile_dir: Path, folder: Path) -> dict[str, str]:
        """The settings that every process shares: the page's port, +1 to +5 gRPC, +24 SMTP, +25 the inbox page, +26 the bank."""
        base = self.port
        shared = {
            "COOP_DATA_DIR": str(folder),
            "COOP_PROFILE_DIR": str(profile_dir),
            "COOP_PUBLIC_URL": self.page,
            "COOP_HTTP_ADDRESS": f"{self.bind}:{base}",
            "COOP_SMTP_ADDRESS": f"127.0.0.1:{base + 24}",
            "COOP_MAILBOX_ADDRESS": f"127.0.0.1:{base + 25}",
            "COOP_SANDBOX_BANK_ADDRESS": f"{self.bind}:{base + 26}",
            "COOP_SANDBOX_BANK_URL": self.bank,
            "COOP_LOG_LEVEL": self.log_level,
        }
        for number, service in enumerate(SERVICES, start=1):
            shared[f"COOP_{service.upper()}_ADDRESS"] = f"127.0.0.1:{base + number}"
        return shared

    def office_environment(self) -> str:
        """The shell's line that leads `coopctl` here; empty when the services are where it looks by itself."""
        if self.port == DEFAULT_PORT and self.bind == "127.0.0.1":
            return ""
        told = {f"COOP_{name.upper()}_ADDRESS": f"127.0.0.1:{self.port + n}" for n, name in enumerate(SERVICES, 1)}
        return "export " + " ".join(
            f"{name}={value}" for name, value in (told | {"COOP_PUBLIC_URL": self.page}).items()
        )

    def own_environment(self, service: str) -> dict[str, str]:
        """What only one process is told: where it listens."""
        if service not in SERVICES:
            return {"COOP_METRICS_ADDRESS": f"127.0.0.1:{self.port + 16}"} if service == "gateway" else {}
        number = SERVICES.index(service) + 1
        return {
            "COOP_GRPC_ADDRESS": f"127.0.0.1:{self.port + number}",
            "COOP_METRICS_ADDRESS": f"127.0.0.1:{self.port + 10 + number}",
        }

    def ports(self) -> dict[int, str]:
        """Every port that must be free, and what for."""
        wanted = {self.port: "the page", self.port + 24: "mail (SMTP)", self.port + 25: "the inbox page"}
        wanted[self.port + 26] = "the demonstration's bank"
        for number, service in enumerate(SERVICES, start=1):
            wanted[self.port + number] = f"{service} (gRPC)"
            wanted[self.port + 10 + number] = f"{service} (metrics)"
        wanted[self.port + 16] = "gateway (metrics)"
        return wanted


def has_sandbox_bank(profile: Profile) -> bool:
    """Whether the profile's cards are charged, or rather are not, by the bank of the demonstration."""
    card = profile.section("payment").get("card", {})
    return profile.demo and card.get("mode") == "sandbox"


SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
