"""The command line of a service: ``python -m services.<name> serve|work|migrate|all``.

* ``serve`` answers gRPC calls.
* ``work`` appends the outbox to the event log, consumes events and runs background work.
* ``migrate`` brings the schema to head and makes the service's signing key, then ends.
* ``all`` is migrate, then serve and work in one process: one machine's way.

``serve`` and ``work`` wait for what they need (database, schema, event log): up, not ready, and saying so in the log;
``migrate`` waits for its database for a while; ``all`` ends with a sentence, because somebody sits before it.

A service's ``__main__.py`` is ``main("billing", Settings, build)``. On SIGTERM or SIGINT: readiness turns off, the server
finishes the calls in hand, consumers finish the record in hand and hand their partitions over, the outbox is emptied, then
the process ends with exit code 0.
"""

import faulthandler
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from services.chassis import tracing
from services.chassis.buildinfo import build as build_info
from services.chassis.environment import EXIT_SETTINGS, SettingsError, load
from services.chassis.garbage import look_rarely
from services.chassis.service import Kit, Parts, Process, SettingsT
from services.chassis.telemetry import configure_logging, logger, report_faults
from services.chassis.waiting import NotYet, until_there

ROLES = ("serve", "work", "migrate", "all")
#: What a process ends with that SIGTERM stopped before its work was done, as shells count it.
_EXIT_TERMINATED = 128 + signal.SIGTERM
#: A start that is under way ends within so many seconds, one way or the other.
_START_S = 10.0


def main(name: str, settings_type: type[SettingsT], build: Callable[[Kit[SettingsT]], Parts]) -> None:
    """The command line of a service; ends the process.

    Exit codes: 0 stopped as asked, 78 wrong settings, 1 anything else that went wrong, 143 a migration that was stopped.
    """
    faulthandler.enable()
    look_rarely()
    arguments = sys.argv[1:]
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.exit(f"Say what {name} shall do: python -m services.{name} {'|'.join(ROLES)}")
    role = arguments[0]
    wanted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended_by_signal if role == "migrate" else lambda *_: wanted.set())
    try:
        settings = load(settings_type)
        configure_logging(name, settings.log_level)
        report_faults()
        tracing.configure(name, settings.traces, build_info().version)
        process = Process(name, settings, build)
        if role == "migrate":
            _await_database(process, settings.migrate_wait_s)
            process.migrate()
            return
        process.open_doors()
        if role == "all":
            process.check_database()
            process.migrate()
            process.start()
    except SettingsError as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(EXIT_SETTINGS)
    except (NotYet, OSError, ValueError) as wrong:
        sys.exit(str(wrong))
    code = _run(process, role, wanted)
    tracing.shutdown()
    sys.exit(code)


def _await_database(process: Process[Any], patience_s: float) -> None:
    try:
        until_there(process.check_database, threading.Event(), patience_s=patience_s)
    except NotYet as problem:
        raise NotYet(f"{problem} Nothing was migrated: {patience_s:.0f} s is as long as it waits.") from problem


def _ended_by_signal(*_: object) -> None:
    """A migration in progress is rolled back on the way out. (The first process of a container has no default handler.)"""
    sys.exit(_EXIT_TERMINATED)


def _run(process: Process[Any], role: str, wanted: threading.Event) -> int:
    """Serves and works until SIGTERM; what may hang on the way (a look at a database, say) is on another thread."""
    problem: list[Exception] = []

    def run() -> None:
        try:
            if role == "all":
                process.keep_readiness(wanted)
            else:
                process.run(wanted, serve=role == "serve", work=role == "work")
        except (NotYet, OSError) as error:
            problem.append(error)
            process.failed.set()
        except Exception as error:
            logger().error("start_failed", exc_info=error)
            process.failed.set()

    keeper = threading.Thread(target=run, name="keeper", daemon=True)
    keeper.start()
    while not wanted.wait(0.5) and not process.failed.is_set():
        pass
    # It notices at once, unless it hangs in a look at something that does not answer.
    keeper.join(0.5)
    if process.started and not process.up.is_set():
        keeper.join(_START_S)
    for error in problem:
        print(error, file=sys.stderr)
    if process.started:
        process.stop()
    else:
        logger().info("stopped", before="start")
    return 1 if process.failed.is_set() else 0
