"""`coopctl`: the office's command line.

Exit codes: 0 done; 1 the services refused it or do not answer (one sentence on stderr says which); 2 wrong use of the
command; 130 interrupted. The offline tools end with 1 only when nothing could be read.
"""

from __future__ import annotations

import sys

import typer
from typer.main import get_command

from services.chassis.config import SettingsError
from services.chassis.errors import CoopError, Unauthenticated
from services.staff import offline_curve, offline_tariff
from services.staff.show import say

OFFLINE = {"curve": offline_curve.app, "tariff": offline_tariff.app}
"""Groups that need no service: asked for by name, they start without loading what talks to services."""


def application(first: str = "") -> typer.Typer:
    """The commands, or only the offline group that `first`, the first word of the command line, names."""
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

    from services.staff import office_commands

    office_commands.add_to(app)
    for name, group in OFFLINE.items():
        app.add_typer(group, name=name)
    return app


def run(arguments: list[str]) -> int:
    """Runs one command and gives its exit code; expected failures end in a sentence, never in a traceback."""
    command = get_command(application(arguments[0] if arguments else ""))
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
    return code if isinstance(code, int) else 0


def _explain_use(wrong: typer.TyperException) -> None:
    context = getattr(wrong, "ctx", None)
    message = wrong.format_message()
    if message:
        say(message)
    if context is not None:
        say(context.get_usage().strip())
        say(f"Try '{context.command_path} --help'.")


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
