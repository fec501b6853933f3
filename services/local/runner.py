"""``make run``: the whole platform on one machine, from nothing to the printed address.

Starts the mail catcher, the five services and the gateway, waits for their health, loads the demonstration cooperative on
the first start of a demo profile, then keeps everything running until Ctrl-C.
"""

import argparse
import fcntl
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.console import Console

from services.chassis.environment import SettingsError, environment, load
from services.chassis.errors import CoopError
from services.chassis.profile import Profile, load_profile
from services.chassis.service import READINESS
from services.local.processes import Child, Children
from services.local.settings import SERVICES, LocalSettings, has_sandbox_bank

START_PATIENCE_S = 60.0
_PROFILES = Path(__file__).resolve().parents[2] / "profiles"


class CannotRun(Exception):
    """Why nothing was started: one sentence for whoever typed the command."""


def run(settings: LocalSettings, profile_name: str, *, production_like: bool, load_demo: bool = True) -> None:
    """Runs until SIGINT or SIGTERM. Raises CannotRun before anything is started, or when a part does not come up."""
    console = Console(stderr=False, highlight=False, soft_wrap=True)

    def say(sentence: str) -> None:
        console.print(sentence, markup=False)

    began = time.monotonic()
    profile_dir = _PROFILES / profile_name
    if not (profile_dir / "coop.toml").exists():
        known = ", ".join(sorted(path.parent.name for path in _PROFILES.glob("*/coop.toml")))
        raise CannotRun(f"There is no profile {profile_name!r}: known are {known}.")
    try:
        profile = load_profile(profile_dir)
    except SettingsError as wrong:
        raise CannotRun(str(wrong)) from wrong
    folder = settings.folder(profile_name + ("-production-like" if production_like else ""))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        stack.enter_context(_own_folder(folder, profile_name))
        _require_free_ports(settings)
        shared = environment() | settings.environment(profile_dir, folder)
        special: dict[str, dict[str, str]] = {}
        if production_like:
            special = _production_like(stack, folder, say)
        children = Children(say)
        stack.callback(_stop_children, children, say)
        say(f"Starting {profile.name} in {folder}")
        _start_all(children, settings, shared, special, folder, with_bank=has_sandbox_bank(profile))
        _wait_until_ready(children, settings, stop, say)
        if stop.is_set():
            return
        say(f"  ready after {time.monotonic() - began:.1f} s")
        demo = _Demo(profile, shared, folder, say) if profile.demo and load_demo else None
        while demo and not demo.done.wait(0.2) and not stop.is_set():
            children.watch()
        if demo and not stop.is_set():
            demo.check()
        if not stop.is_set():
            _print_welcome(say, settings, profile, demo.logins if demo else None)
        while not stop.wait(0.5):
            children.watch()
        say("Stopping: finishing what is in hand...")


def _stop_children(children: Children, say: Callable[[str], None]) -> None:
    children.stop()
    say("Stopped. Everything is kept: the same command goes on from here.")


class _own_folder:
    """Holds the data folder for this run alone, and for one profile."""

    def __init__(self, folder: Path, profile: str) -> None:
        self._folder, self._profile = folder, profile
        self._lock: Any = None

    def __enter__(self) -> None:
        folder = self._folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "running.lock").open("w")
        except OSError as wrong:
            raise CannotRun(f"The folder {folder} cannot be written ({wrong.strerror}): set COOP_DATA_DIR.") from wrong
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(f"Acometida already runs on {folder}: stop it first, or set COOP_DATA_DIR.") from None
        marker = folder / "profile"
        kept = marker.read_text().strip() if marker.exists() else ""
        if kept and kept != self._profile:
            raise CannotRun(f"{folder} holds the data of {kept}: set another COOP_DATA_DIR for {self._profile}.")
        marker.write_text(self._profile + "\n")

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def _require_free_ports(settings: LocalSettings) -> None:
    for port, purpose in settings.ports().items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise CannotRun(
                    f"Port {port}, meant for {purpose}, is in use: stop what uses it, or choose others with PORT=9000."
                ) from None


def _start_all(
    children: Children,
    settings: LocalSettings,
    shared: dict[str, str],
    special: dict[str, dict[str, str]],
    folder: Path,
    *,
    with_bank: bool,
) -> None:
    logs = folder / "logs"
    commands = {"mail": ["-m", "services.local.mailcatcher"]}
    if with_bank:
        commands["bank"] = ["-m", "services.local.sandbox_bank"]
    commands |= {service: ["-m", f"services.{service}", "all"] for service in SERVICES}
    commands["gateway"] = ["-m", "services.gateway", "serve"]
    for name, arguments in commands.items():
        own = shared | settings.own_environment(name) | special.get(name, {}) | special.get("*", {})
        children.add(Child(name, arguments, own, logs / f"{name}.log"))


def _wait_until_ready(
    children: Children, settings: LocalSettings, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """Waits for each service's own word that it is ready. Raises CannotRun with a part's last words when it ends instead."""
    waiting: dict[str, Callable[[], bool]] = {"mail": lambda: _answers(f"{settings.inbox}/api/messages")}
    for number, service in enumerate(SERVICES, start=1):
        waiting[service] = lambda address=f"127.0.0.1:{settings.port + number}": healthy(address)  # type: ignore[misc]
    waiting["gateway"] = lambda: _answers(f"http://127.0.0.1:{settings.port}/readyz")
    if any(child.name == "bank" for child in children.all):
        waiting["bank"] = lambda: _answers(f"http://127.0.0.1:{settings.port + 26}/")
    deadline = time.monotonic() + START_PATIENCE_S
    by_name = {child.name: child for child in children.all}
    while waiting and not stop.is_set():
        for name in list(waiting):
            child = by_name[name]
            if child.exit_code is not None:
                raise CannotRun(f"{name} ended at once (exit code {child.exit_code}):\n{child.last_words()}")
            if waiting[name]():
                del waiting[name]
                say(f"  {name} is up")
        if time.monotonic() > deadline:
            raise CannotRun(
                f"{', '.join(waiting)} not ready after {START_PATIENCE_S:.0f} s: see {children.all[0].log.parent}."
            )
        stop.wait(0.05)


def healthy(address: str) -> bool:
    """Whether the service at a gRPC address says that it is ready."""
    with grpc.insecure_channel(address, [("grpc.initial_reconnect_backoff_ms", 100)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=READINESS), timeout=1, wait_for_ready=False
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _production_like(stack: ExitStack, folder: Path, say: Callable[[str], None]) -> dict[str, dict[str, str]]:
    """A PostgreSQL with one database per service and a Kafka broker, both thrown away at the end."""
    from services.local.kafka import KafkaMissing, kafka_broker
    from services.local.postgres import PostgresMissing, postgres_server

    try:
        say("Starting a throw-away PostgreSQL...")
        server = stack.enter_context(postgres_server())
        say("Starting a throw-away Apache Kafka...")
        broker = stack.enter_context(kafka_broker())
    except (PostgresMissing, KafkaMissing) as why:
        raise CannotRun(str(why)) from why
    special = {service: {"COOP_DATABASE_URL": server.new_database(service)} for service in SERVICES}
    special["*"] = {"COOP_EVENT_LOG": broker.url}
    say(f"  PostgreSQL on 127.0.0.1:{server.port}, Kafka on {broker.address}; both vanish when you stop.")
    return special


class _Demo:
    """Loads the demonstration beside the watch over the processes; a stop half-way is taken up by the next start."""

    def __init__(self, profile: Profile, shared: dict[str, str], folder: Path, say: Callable[[str], None]) -> None:
        self.done = threading.Event()
        self.logins: Any = None
        self._failure: Exception | None = None
        arguments = (shared, profile, folder, say)
        threading.Thread(target=self._load, args=arguments, name="demo", daemon=True).start()

    def _load(self, shared: dict[str, str], profile: Profile, folder: Path, say: Callable[[str], None]) -> None:
        # Imported here: an installation that is loaded already, or is no demonstration, starts without its libraries.
        from services.local.demo.load import load

        try:
            self.logins = load(shared, profile, folder, say)
        except Exception as error:
            self._failure = error
        finally:
            self.done.set()

    def check(self) -> None:
        """Raises CannotRun when the load was refused; any other failure of it as it is."""
        if isinstance(self._failure, CoopError):
            raise CannotRun(f"The demonstration was not loaded: {self._failure.message}") from self._failure
        if self._failure:
            raise self._failure


def _print_welcome(say: Callable[[str], None], settings: LocalSettings, profile: Profile, credentials: Any) -> None:
    say("")
    say(f"{profile.name} is open.")
    say(f"  Members' page:  {settings.page}")
    say(f"  Mail catcher:   {settings.inbox}")
    if has_sandbox_bank(profile):
        say(f"  Bank for cards: {settings.bank} (charges nobody)")
    if credentials:
        for line in credentials.lines():
            say(f"  {line}")
    if settings.office_environment():
        say("coopctl finds the services of this port after, in its terminal:")
        say(f"  {settings.office_environment()}")
    say("Ctrl-C stops everything; the data stay.")


def main(arguments: list[str]) -> int:
    """``run [--profile NAME] [--production-like] [--no-demo]``."""
    parser = argparse.ArgumentParser(prog="python -m services.local")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run", help="start everything on this machine")
    command.add_argument("--profile", default="demo-es")
    command.add_argument(
        "--production-like", action="store_true", help="a throw-away PostgreSQL and Kafka instead of SQLite"
    )
    command.add_argument("--no-demo", action="store_true", help="start empty: load nothing")
    chosen = parser.parse_args(arguments)
    os.chdir(Path(__file__).resolve().parents[2])
    try:
        run(
            load(LocalSettings),
            chosen.profile,
            production_like=chosen.production_like,
            load_demo=not chosen.no_demo,
        )
    except (CannotRun, SettingsError) as why:
        print(why, file=sys.stderr)
        return 1
    return 0
