"""The certificate a process proves itself with, and the authority it trusts: one folder with tls.crt, tls.key and ca.crt.

The files may be replaced while the process runs, as Kubernetes does with a mounted secret and an operator with ``cp``:
they are read again when they have changed. Key and certificate count only as a pair, so a folder seen half-way through
its replacement changes nothing yet.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.chassis.telemetry import CERTIFICATE_EXPIRY, logger

CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"
#: How often a process looks whether its files have changed, at most.
LOOK_EVERY_S = 1.0
SOON_DAYS = 14

_RENEW = "make new ones with 'coopctl admin secrets --renew tls' and put them in its place"


class CertificateProblem(Exception):
    """Why a folder is no good for TLS: one sentence per problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Identity:
    """The three files' content in PEM, and until when certificate and authority are good."""

    key: bytes = field(repr=False)
    chain: bytes
    authority: bytes
    ends_at: datetime
    authority_ends_at: datetime


def read_identity(folder: Path, now: datetime | None = None) -> Identity:
    """What the folder holds. Raises CertificateProblem, which names every file that is missing or wrong."""
    # Kubernetes keeps the files of one version together behind a link that is replaced at once.
    version = folder / "..data"
    source = version.resolve() if version.exists() else folder
    problems: list[str] = []
    content: dict[str, bytes] = {}
    for name in (CERTIFICATE, KEY, AUTHORITY):
        try:
            content[name] = (source / name).read_bytes()
        except OSError as wrong:
            problems.append(f"COOP_TLS_DIR: {folder / name} cannot be read: {wrong.strerror}.")
    if problems:
        raise CertificateProblem(problems)
    return _checked(folder, content, now or datetime.now(UTC))


def _checked(folder: Path, content: dict[str, bytes], now: datetime) -> Identity:
    problems: list[str] = []
    chain = _certificates(folder / CERTIFICATE, content[CERTIFICATE], problems)
    authorities = _certificates(folder / AUTHORITY, content[AUTHORITY], problems)
    try:
        key = load_pem_private_key(content[KEY], None)
    except (ValueError, TypeError) as wrong:
        problems.append(f"COOP_TLS_DIR: {folder / KEY} is not a private key without password in PEM: {wrong}.")
    else:
        if chain and chain[0].public_key() != key.public_key():
            problems.append(f"COOP_TLS_DIR: {folder / CERTIFICATE} is not the certificate of the key in {KEY}.")
    for path, found in ((folder / CERTIFICATE, chain[:1]), (folder / AUTHORITY, authorities)):
        # Of several authorities, during their change, one that is good is enough.
        if found and all(each.not_valid_after_utc <= now for each in found):
            end = max(each.not_valid_after_utc for each in found)
            problems.append(f"COOP_TLS_DIR: {path} ended on {end:%Y-%m-%d at %H:%M} UTC: {_RENEW}.")
        elif found and all(each.not_valid_before_utc > now for each in found):
            start = min(each.not_valid_before_utc for each in found)
            problems.append(
                f"COOP_TLS_DIR: {path} is good from {start:%Y-%m-%d at %H:%M} UTC only: look at this machine's clock."
            )
    if chain and authorities and not any(_issued(chain[-1], authority) for authority in authorities):
        problems.append(f"COOP_TLS_DIR: {folder / CERTIFICATE} was not issued by the authority in {AUTHORITY}.")
    if problems:
        raise CertificateProblem(problems)
    return Identity(
        content[KEY],
        content[CERTIFICATE],
        content[AUTHORITY],
        min(each.not_valid_after_utc for each in chain),
        max(each.not_valid_after_utc for each in authorities),
    )


def _certificates(path: Path, content: bytes, problems: list[str]) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as wrong:
        problems.append(f"COOP_TLS_DIR: {path} holds no certificate in PEM: {wrong}.")
        return []


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    if certificate == authority:
        return True
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


class CertificateFolder:
    """The identity of a folder, as it is now. Safe to ask from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._identity = read_identity(folder)
        self._looked_at = time.monotonic()
        self._refused: object = None
        self._tell("certificate_read")

    def current(self) -> Identity:
        """The last good identity. A folder that is no good, or no longer, is told of in the log and otherwise waited for."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at >= LOOK_EVERY_S:
                self._looked_at = now
                self._read_again()
            return self._identity

    def _read_again(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            self._identity = read_identity(self._folder)
        except CertificateProblem as wrong:
            if stamp != self._refused:  # once per change, not once per call
                logger().error("certificate_not_taken", problems=wrong.problems, ends_at=str(self._identity.ends_at))
            self._refused = stamp
            return
        self._stamp, self._refused = stamp, None
        self._tell("certificate_replaced")

    def _look(self) -> object:
        """Changes whenever a file does, a link to one included."""
        found: list[object] = []
        for name in (CERTIFICATE, KEY, AUTHORITY):
            try:
                status = (self._folder / name).stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _tell(self, what: str) -> None:
        identity = self._identity
        CERTIFICATE_EXPIRY.labels(CERTIFICATE).set(identity.ends_at.timestamp())
        CERTIFICATE_EXPIRY.labels(AUTHORITY).set(identity.authority_ends_at.timestamp())
        days = (min(identity.ends_at, identity.authority_ends_at) - datetime.now(UTC)).days
        say = logger().warning if days < SOON_DAYS else logger().info
        say(what, folder=str(self._folder), ends_at=identity.ends_at.isoformat(), days_left=days)
