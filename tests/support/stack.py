"""The whole platform as ``make run`` starts it, on free ports and in a folder of its own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.local.ports import SINGLE, free_ports

ROOT = Path(__file__).resolve().parents[2]
START_PATIENCE_S = 400.0
BASES = range(SINGLE.stop, 30_000, 40)
"""Where a stack may begin: apart from the single ports, and below those that the kernel gives out."""
OPEN = "Ctrl-C stops"
"""How the runner begins the last line that it says once everything is up."""


class StackDidNotStart(Exception):
    """What the runner said before it gave up."""


def free_base_port() -> int:
    """A port whose neighbours up to +30, which the runner uses too, are free as well."""
    return free_ports(BASES, 31)


@dataclass
class Stack:
    """A running platform."""

    port: int
    folder: Path
    process: "subprocess.Popen[str]"
    said: list[str]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mail_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 25}"

    def grpc_address(self, service: str) -> str:
        order = ("identity", "supplies", "metering", "billing", "notifications")
        return f"127.0.0.1:{self.port + 1 + order.index(service)}"

    def environment(self) -> dict[str, str]:
        """What a child process such as coopctl needs to find this stack."""
        services = ("identity", "supplies", "metering", "billing", "notifications")
        return {
            **os.environ,
            "COOP_DATA_DIR": str(self.folder),
            "COOP_CONFIG_DIR": str(self.folder / "coopctl"),
            **{f"COOP_{service.upper()}_ADDRESS": self.grpc_address(service) for service in services},
        }

    def pid(self, name: str) -> int:
        """Process id of a child of the runner: "billing", "gateway", "mail", ..."""
        return int((self.folder / "logs" / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        """SIGKILL, as a machine that loses power would; the runner starts the child again."""
        os.kill(self.pid(name), signal.SIGKILL)


@contextmanager
def running_stack(
    folder: Path,
    *,
    profile: str = "demo-es",
    production_like: bool = False,
    demo: bool = True,
    port: int = 0,
    settings: dict[str, str] | None = None,
) -> Iterator[Stack]:
    """Starts the local runner and stops it, drained, at the end. Raises StackDidNotStart with what it said."""
    port = port or free_base_port()
    arguments = [sys.executable, "-m", "services.local", "run", "--profile", profile]
    arguments += ["--production-like"] if production_like else []
    arguments += [] if demo else ["--no-demo"]
    environment = {**os.environ, "PORT": str(port), "COOP_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    environment |= settings or {}
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'gen'}"
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    opened = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith(OPEN):
                opened.set()
        opened.set()  # the runner ended

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        if not opened.wait(START_PATIENCE_S) or not any(line.startswith(OPEN) for line in said):
            raise StackDidNotStart("\n".join(said) or "the runner said nothing")
        yield Stack(port, folder, process, said)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(5)
