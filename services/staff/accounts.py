"""Signing in and out, and accounts for colleagues."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from coop.identity.v1 import identity_service_pb2 as pb
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from services.chassis.errors import Unauthenticated
from services.chassis.ids import new_id
from services.staff.desk import nobody, session_file, signed_in
from services.staff.plain import plain
from services.staff.session import Session
from services.staff.show import JsonOption, facts, print_json, say

staff_app = typer.Typer(no_args_is_help=True, help="Accounts of the office.")

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for programs.")
]


PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", exists=True, dir_okay=False, help="Read the password from a file's first line, for programs."
    ),
]


class Role(StrEnum):
    READER = "reader"
    SUPPORT = "support"
    METERING = "metering"
    BILLING = "billing"
    SECURITY = "security"
    AUDITOR = "auditor"
    CALENDAR = "calendar"


def login(
    email: Annotated[str, typer.Option("--email", help="Your address; asked for when left out.")] = "",
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    as_json: JsonOption = False,
) -> None:
    """Sign in. The session is kept in a file that only you can read, until it ends or you sign out."""
    email = email or typer.prompt("E-mail", err=True)
    password = _password(password_stdin, password_file, "Password")
    with nobody() as office:
        answer = office.sign_in(email, password)
        if answer.account.kind != pb.ACCOUNT_KIND_STAFF:
            with office.calling("identity"):
                office.identity.SignOut(pb.SignOutRequest())
            raise Unauthenticated(
                f"{email} is a member's account: coopctl is for staff accounts, run 'coopctl login' with one."
            )
    session = Session(
        email=answer.account.email,
        name=answer.account.name,
        token=answer.session_token,
        expires_at=answer.expires_at.ToJsonString(),
    )
    session_file().save(session)
    if as_json:
        print_json({"account": plain(answer.account), "expires_at": session.expires_at})
    else:
        roles = ", ".join(answer.account.staff_roles) or "no role"
        say(f"Signed in as {session.name or session.email} ({roles}).")


def logout(as_json: JsonOption = False) -> None:
    """End the session, here and at the services."""
    file = session_file()
    with signed_in() as office:
        try:
            with office.calling("identity"):
                office.identity.SignOut(pb.SignOutRequest())
        except Unauthenticated:
            say("The session had ended already.")
        finally:
            file.remove()
    if as_json:
        print_json({"signed_out": True})
    else:
        say("Signed out.")


@staff_app.command("create")
def create(
    email: Annotated[str, typer.Option("--email", help="Address the person signs in with.")],
    name: Annotated[str, typer.Option("--name", help="Name as colleagues know it.")],
    role: Annotated[list[Role], typer.Option("--role", help="May be repeated.")],
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Open an account for somebody of the office. Needs the role security."""
    password = _password(password_stdin, password_file, "Password of the new account", confirm=True)
    request = pb.CreateStaffRequest(
        email=email,
        password=password,
        name=name,
        roles=[found.value for found in role],
        request_id=request_id or new_id(),
    )
    with signed_in() as office, office.calling("identity"):
        account = office.identity.CreateStaff(request).account
    _show_account(account, as_json)


@staff_app.command("bootstrap")
def bootstrap(
    secret_file: Annotated[
        Path,
        typer.Option(
            "--secret-file",
            exists=True,
            dir_okay=False,
            help="The one-time secret that migrate left in the keys folder.",
        ),
    ],
    email: Annotated[str, typer.Option("--email", help="Address the person signs in with.")],
    name: Annotated[str, typer.Option("--name", help="Name as colleagues know it.")],
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    as_json: JsonOption = False,
) -> None:
    """Open the first account of the office, which can open the others. Works once."""
    password = _password(password_stdin, password_file, "Password of the new account", confirm=True)
    secret = secret_file.read_text(encoding="utf-8").strip()
    request = pb.BootstrapStaffRequest(secret=secret, email=email, password=password, name=name)
    with nobody() as office, office.calling("identity"):
        account = office.anybody("identity", IdentityServiceStub).BootstrapStaff(request).account
    _show_account(account, as_json)


def _show_account(account: pb.Account, as_json: bool) -> None:
    if as_json:
        print_json({"account": plain(account)})
        return
    pairs = (("E-mail", account.email), ("Name", account.name), ("Roles", ", ".join(account.staff_roles)))
    facts("Staff account", pairs)


def _password(from_stdin: bool, file: Path | None, question: str, *, confirm: bool = False) -> str:
    if from_stdin and file:
        raise typer.BadParameter("Give the password once: --password-stdin or --password-file.")
    if file:
        return _first_line(file)
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise typer.BadParameter(
                "Standard input was empty: pipe the password in, as in 'coopctl login --password-stdin < FILE'."
            )
        return password
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "There is no terminal to ask for the password: give it with --password-stdin or --password-file."
        )
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))


def _first_line(file: Path) -> str:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as wrong:
        raise typer.BadParameter(f"The password cannot be read from {file}: {wrong}.") from wrong
    if not lines or not lines[0]:
        raise typer.BadParameter(f"{file} has no password in its first line.")
    return lines[0]
