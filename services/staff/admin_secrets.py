"""`coopctl admin secrets`: every key, certificate and password of a new installation, made here and nowhere else.

Nothing is asked over the network and nothing that is there is overwritten, so the command may be run again after services
were added, or with `--renew tls` before the certificates end.
"""

from __future__ import annotations

import re
import secrets as randomness
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from services.chassis.config import parse_address
from services.chassis.environment import SettingsError
from services.staff.show import JsonOption, print_json, say, table

if TYPE_CHECKING:
    from services.chassis.profile import Profile

SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
ISSUERS = (*SERVICES, "gateway")
"""Who signs tokens."""
WITH_CERTIFICATE = (*ISSUERS, "office")
"""Who answers or makes calls; the office is whoever runs coopctl."""


DOCUMENT_KEY = "keys/billing/documents.pem"
GATEWAY_SECRET = "keys/gateway/gateway.secret"
_COMING_SECRET = "coming/gateway.secret"
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""What Kubernetes takes for a namespace."""


class Renewal(StrEnum):
    tls = "tls"
    token_keys = "token-keys"
    gateway_secret = "gateway-secret"


@dataclass(frozen=True)
class Made:
    """A file of the installation: where it is, whether it was made now, and who must have it."""

    path: str
    made: bool
    meant_for: str


def secrets_command(
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; made if it is not there.")],
    namespace: Annotated[str, typer.Option(help="Kubernetes namespace, for the certificates' names.")] = "acometida",
    database_host: Annotated[
        str, typer.Option(help="host:port of PostgreSQL, for the databases' addresses.")
    ] = "postgres:5432",
    database_options: Annotated[
        str, typer.Option(help="What the addresses end with, such as sslmode=verify-full&sslrootcert=/run/db/ca.crt")
    ] = "",
    profile: Annotated[
        Path | None, typer.Option(help="The cooperative's profile, whose name documents are signed with.")
    ] = None,
    renew: Annotated[
        Renewal | None,
        typer.Option(
            help="Certificates by the same authority; token keys and the gateway's secret in three runs, each said."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the secrets of an installation: keys, certificates, passwords. What is there stays."""
    folder = _Folder(out)
    holder = _checked(folder, namespace, database_host, profile)
    found = [
        *(_next_token_keys(folder) if renew is Renewal.token_keys else _token_keys(folder)),
        *(_next_gateway_secret(folder) if renew is Renewal.gateway_secret else _gateway_secret(folder)),
        *_other_keys(folder, holder),
        *_certificates(folder, namespace, anew=renew is Renewal.tls),
        *_database_addresses(folder, database_host, database_options),
    ]
    if as_json:
        print_json([{"path": each.path, "made": each.made, "meant_for": each.meant_for} for each in found])
        return
    rows = [(each.path, "made" if each.made else "kept", each.meant_for) for each in found]
    table("Secrets", ("file", "now", "meant for"), rows)
    if renew is Renewal.token_keys:
        say(_what_next(folder))
    if renew is Renewal.gateway_secret:
        say(_what_next_of_the_gateway(folder))
    say(f"In {out}. Whoever has ca/ca.key can pretend to be any service: keep that one away from the machines.")


def _checked(folder: _Folder, namespace: str, database_host: str, profile: Path | None) -> Profile | None:
    """Whoever the key of documents is made for; None when there is one. Raises SettingsError for all that was given wrongly,
    before anything is written."""
    from services.chassis.environment import load
    from services.chassis.profile import load_profile
    from services.staff.settings import StaffSettings

    problems, holder = [], None
    if not _DNS_LABEL.fullmatch(namespace):
        problems.append(f"--namespace is {namespace!r}: use small letters, digits and hyphens, at most 63.")
    try:
        parse_address(database_host)
    except ValueError as wrong:
        problems.append(f"--database-host is {database_host!r}: {wrong}.")
    if not folder.path(DOCUMENT_KEY).exists():
        try:
            holder = load_profile(profile or load(StaffSettings).profile_dir)
        except SettingsError as wrong:
            problems += wrong.problems
    if problems:
        raise SettingsError(problems)
    return holder


class _Folder:
    """Files with mode 0600 in folders with mode 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        return self._root / name

    def read(self, name: str) -> bytes:
        """Raises SettingsError."""
        try:
            return self.path(name).read_bytes()
        except OSError as wrong:
            raise SettingsError([f"{self.path(name)} cannot be read: {wrong.strerror}."]) from wrong

    def keep(self, name: str, meant_for: str, make: Callable[[], bytes]) -> Made:
        """The file as it is, or made now."""
        from services.chassis.secret_files import write_once

        if self.path(name).exists():
            return Made(name, False, meant_for)
        write_once(self.path(name), make())
        return Made(name, True, meant_for)

    def replace(self, name: str, meant_for: str, content: bytes) -> Made:
        from services.chassis.secret_files import replace

        replace(self.path(name), content)
        return Made(name, True, meant_for)


def _token_keys(folder: _Folder) -> Iterator[Made]:
    """What each service signs its tokens with, and what everybody checks them with."""
    from services.chassis.grpc.tokens import new_key, private_key, public_text

    for issuer in ISSUERS:
        name = f"keys/{issuer}/{issuer}.key.pem"
        yield folder.keep(name, f"{issuer} alone", lambda: new_key().as_pem(private=True))
        public = public_text(private_key(folder.path(name))).encode()
        yield folder.keep(f"public/{issuer}.pub.json", "everybody", partial(bytes, public))


def _next_token_keys(folder: _Folder) -> Iterator[Made]:
    """The next of three steps for each issuer's key: everybody learns the new one beside the old one, its issuer signs with
    it, everybody forgets the old one. Between two steps the files have to be where they are meant for."""
    from services.chassis.grpc.tokens import new_key, private_key, public_keys, public_text

    for issuer in ISSUERS:
        own, public, coming = (f"keys/{issuer}/{issuer}.key.pem", f"public/{issuer}.pub.json", _coming(issuer))
        meant_for = f"{issuer} alone"
        key = private_key(folder.path(own))
        if folder.path(coming).exists():
            yield folder.replace(own, meant_for, folder.read(coming))
            folder.path(coming).unlink()
        elif len(public_keys(folder.path(public))) > 1:
            yield folder.replace(public, "everybody", public_text(key).encode())
        else:
            made = new_key()
            yield folder.keep(coming, f"{issuer}, with the next run", partial(made.as_pem, private=True))
            yield folder.replace(public, "everybody", public_text(key, made).encode())


def _coming(issuer: str) -> str:
    return f"coming/{issuer}.key.pem"


def _what_next(folder: _Folder) -> str:
    """What has to be done before the next step of new token keys."""
    from services.chassis.grpc.tokens import public_keys

    if folder.path(_coming(ISSUERS[0])).exists():
        return "Now give everybody the files of public/; when all have them, run this again for the new private keys."
    if len(public_keys(folder.path(f"public/{ISSUERS[0]}.pub.json"))) > 1:
        return (
            "Now give each service its new key; two minutes after all have it, run this again to forget the old ones."
        )
    return "Now give everybody the files of public/: the old keys are good no more."


def _word() -> bytes:
    return randomness.token_urlsafe(32).encode()


def _gateway_secret(folder: _Folder) -> Iterator[Made]:
    """What signs forms."""
    yield folder.keep(GATEWAY_SECRET, "gateway, every replica the same", _word)


def _next_gateway_secret(folder: _Folder) -> Iterator[Made]:
    """The next of three steps: every replica takes the new secret too, all sign with it, all forget the old one."""
    from services.chassis.secret_files import secret_words

    meant_for = "gateway, every replica the same"
    try:
        used, *taken = secret_words(folder.read(GATEWAY_SECRET).decode())
    except ValueError as wrong:
        raise SettingsError([f"{folder.path(GATEWAY_SECRET)} cannot be used: {wrong}."]) from wrong
    if folder.path(_COMING_SECRET).exists():
        coming = folder.read(_COMING_SECRET).decode()
        yield folder.replace(GATEWAY_SECRET, meant_for, f"{coming}\n{used}\n".encode())
        folder.path(_COMING_SECRET).unlink()
    elif taken:
        yield folder.replace(GATEWAY_SECRET, meant_for, used.encode())
    else:
        made = _word()
        yield folder.keep(_COMING_SECRET, "gateway, with the next run", lambda: made)
        yield folder.replace(GATEWAY_SECRET, meant_for, f"{used}\n{made.decode()}\n".encode())


def _what_next_of_the_gateway(folder: _Folder) -> str:
    from services.chassis.secret_files import secret_words

    if folder.path(_COMING_SECRET).exists():
        return f"Now give every gateway {GATEWAY_SECRET}; when all have read it, run this again: they sign with the new one."
    if len(secret_words(folder.read(GATEWAY_SECRET).decode())) > 1:
        return (
            f"Now give every gateway {GATEWAY_SECRET}; twelve hours after all have it, when no open form is of the old "
            "secret any more, run this again to forget it."
        )
    return f"Now give every gateway {GATEWAY_SECRET}: the old secret is good no more."


def _other_keys(folder: _Folder, holder: Profile | None) -> Iterator[Made]:
    yield folder.keep(
        "keys/identity/bootstrap-staff.secret", "identity, and whoever makes the first staff account", _word
    )
    meant_for = "billing, until you have a certificate of a trusted authority"
    yield (
        Made(DOCUMENT_KEY, False, meant_for)
        if holder is None
        else folder.keep(DOCUMENT_KEY, meant_for, partial(_document_key, holder))
    )


def _document_key(holder: Profile) -> bytes:
    """Key and certificate in the cooperative's name."""
    from services.chassis.issuing import self_signed

    made = self_signed(holder.legal_name, holder.jurisdiction, datetime.now(UTC))
    return made.key + made.certificate


def _certificates(folder: _Folder, namespace: str, *, anew: bool) -> Iterator[Made]:
    """An authority, and a certificate by it for each service, good for the names by which it is called."""
    from services.chassis.issuing import Issued, issue, new_authority

    now = datetime.now(UTC)
    here = [folder.path(f"ca/{name}").exists() for name in ("ca.key", "ca.crt")]
    if any(here) and not all(here):
        raise SettingsError([f"{folder.path('ca')} has one of ca.key and ca.crt: an authority is both."])
    if all(here):
        authority = Issued(folder.read("ca/ca.key"), folder.read("ca/ca.crt"))
    else:
        authority = new_authority(f"Acometida {namespace}", now)
    yield folder.keep("ca/ca.key", "nobody: keep it off the machines", partial(bytes, authority.key))
    yield folder.keep(
        "ca/ca.crt", "everybody, as it stands beside each certificate", partial(bytes, authority.certificate)
    )
    for name in WITH_CERTIFICATE:
        meant_for = f"{name} alone"
        pair = [f"tls/{name}/tls.key", f"tls/{name}/tls.crt"]
        if all(folder.path(each).exists() for each in pair) and not anew:
            yield from (Made(each, False, meant_for) for each in pair)
        else:
            made = issue(authority, name, _hosts(name, namespace), now)
            for path, content in zip(pair, (made.key, made.certificate), strict=True):
                yield folder.replace(path, meant_for, content)
        yield folder.keep(f"tls/{name}/ca.crt", f"{name}: whom it trusts", partial(bytes, authority.certificate))


def _hosts(name: str, namespace: str) -> list[str]:
    return [
        name,
        f"{name}.{namespace}",
        f"{name}.{namespace}.svc",
        f"{name}.{namespace}.svc.cluster.local",
        "localhost",
        "127.0.0.1",
        "::1",
    ]


def _database_addresses(folder: _Folder, host: str, options: str) -> Iterator[Made]:
    """Who may change a service's schema, and who may read and write its rows: two logins, each with a password of its own."""
    end = f"?{options}" if options else ""
    for service in SERVICES:
        for kind, user, meant_for in (
            ("owner", f"{service}_owner", f"{service} migrate, and 'coopctl admin databases'"),
            ("app", f"{service}_app_a", f"{service} serve and work, and 'coopctl admin databases'"),
        ):

            def address(user: str = user, service: str = service) -> bytes:
                password = quote(randomness.token_urlsafe(24), safe="")
                return f"postgresql+psycopg://{user}:{password}@{host}/{service}{end}\n".encode()

            yield folder.keep(f"databases/{service}.{kind}.url", meant_for, address)
