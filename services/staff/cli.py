"""`coopctl`: the office's command line.

Exit codes: 0 done; 1 the services refused it or do not answer (one sentence on stderr says which); 2 wrong use of the
command; 130 interrupted. The offline tools for curves end with 1 only when nothing could be read, `tariff check` when it
finds a fault, `bill quote` when the quote cannot be priced.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.main import get_command

from services.chassis.environment import SettingsError
from services.chassis.errors import CoopError, Unauthenticated
from services.staff import admin_secrets, invoice_verify, offline_curve, offline_quote, offline_tariff, running
from services.staff.backup import commands as backup
from services.staff.show import say

OFFLINE = {"curve": offline_curve.app, "tariff": offline_tariff.app, "backup": backup.app}
"""Groups that need no service but for `tariff market`: asked for by name, they start without loading what talks to them."""

OFFLINE_COMMANDS: dict[tuple[str, str], Callable[..., Any]] = {
    ("bill", "quote"): offline_quote.quote,
    ("invoice", "verify"): invoice_verify.verify_command,
    ("admin", "secrets"): admin_secrets.secrets_command,
}
"""Commands that need no service in a group that does."""


def application(*words: str) -> typer.Typer:
    """The commands, or only the offline ones that the first `words` of the command line name."""
    first, second = (*words, "", "")[:2]
    app = typer.Typer(
        name="coopctl",
        help="The office of the cooperative, from the command line.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    if first in OFFLINE:
        app.add_typer(OFFLINE[first], name=first)
        return app
    if first == "version":
        app.callback()(_alone)
        app.command("version")(running.version_command)
        return app
    if (first, second) in OFFLINE_COMMANDS:
        group = typer.Typer(no_args_is_help=True)
        group.callback()(_alone)
        group.command(second)(OFFLINE_COMMANDS[first, second])
        app.add_typer(group, name=first)
        return app

    from services.staff import office_commands

    office_commands.add_to(app)
    for name, group in OFFLINE.items():
        app.add_typer(group, name=name)
    app.command("version")(running.version_command)
    return app


def _alone() -> None:
    """A group with one command would take the command's name as an argument; with a callback it stays a group."""


def run(arguments: list[str]) -> int:
    """Runs one command and gives its exit code; expected failures end in a sentence, never in a traceback."""
    command = get_command(application(*arguments[:2]))
    try:
        code = command.main(arguments, prog_name="coopctl", standalone_mode=False)
    except typer.TyperException as wrong:
        _explain_use(wrong)
        return wrong.exit_code
    except (typer.Abort, KeyboardInterrupt):
        say("Stopped.")
        return 130
    except Unauthenticated as refused:
        say(refused.message if "coopctl" in refused.message else f"{refused.message} Run 'coopctl login'.")
        return 1
    except CoopError as refused:
        say(refused.message)
        for violation in refused.violations:
            if violation.description != refused.message:
                say(f"  {violation.field}: {violation.description}")
        return 1
    except SettingsError as wrong:
        say(str(wrong))
        return 2
    except BrokenPipeError:
        return 0
    except OSError as wrong:
        # A folder that cannot be made, a full disk behind the standard output: what no command can say better.
        reason = wrong.strerror or str(wrong)
        say(f"{wrong.filename} cannot be used: {reason}." if wrong.filename else f"Nothing could be written: {reason}.")
        return 1
    return code if isinstance(code, int) else 0


def _explain_use(wrong: typer.TyperException) -> None:
    context = getattr(wrong, "ctx", None)
    # What checks the values of options says of each refusal that it is one.
    message = wrong.format_message().replace("Value error, ", "")
    if message:
        say(message)
    if context is not None:
        if message.startswith("No such command") and "Did you mean" not in message:
            say(f"There are: {', '.join(context.command.list_commands(context))}.")
        say(context.get_usage().strip())
        say(f"Try '{context.command_path} --help'.")


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
