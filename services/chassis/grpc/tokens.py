"""Sixty-second Ed25519-signed tokens: who calls, proved without asking anybody.

Each issuer has its own key in ``keys_dir``: ``<issuer>.key.pem`` (private, mode 0600) and ``<issuer>.pub.json`` (JWK).
``identity`` may vouch for members and staff; any other issuer only for itself as a service.
"""

import base64
import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OKPKey

from services.chassis.clock import Clock, SystemClock
from services.chassis.context import Principal
from services.chassis.environment import SettingsError
from services.chassis.errors import Unauthenticated
from services.chassis.secret_files import replace, write_once
from services.chassis.telemetry import logger

LIFETIME = timedelta(seconds=60)
#: How far two machines' clocks may disagree.
LEEWAY = timedelta(seconds=5)
AUDIENCE = "acometida"
_ALGORITHMS = ["EdDSA", "Ed25519"]


def ensure_key(keys_dir: Path, issuer: str) -> OKPKey:
    """The issuer's private key; made on first use, atomically, so that two starters agree on one.

    A folder that has both files is only read. Raises SettingsError when one is missing and cannot be written, or when
    the private one holds no key.
    """
    private = keys_dir / f"{issuer}.key.pem"
    if not private.exists():
        write_once(private, new_key().as_pem(private=True))
    key = private_key(private)
    public = keys_dir / f"{issuer}.pub.json"
    own = key.as_dict(private=False)["x"]
    if not public.exists() or own not in [each.as_dict(private=False)["x"] for each in public_keys(public)]:
        replace(public, public_text(key).encode())
    return key


def new_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


def public_text(*keys: OKPKey) -> str:
    """What stands in ``<issuer>.pub.json``: the public half of a key as a JWK, of several as a JWK Set."""
    found = [key.as_dict(private=False) for key in keys]
    return json.dumps(found[0] if len(found) == 1 else {"keys": found}, sort_keys=True)


def private_key(path: Path) -> OKPKey:
    """The key of a file in PEM. Raises SettingsError."""
    try:
        return OKPKey.import_key(path.read_bytes())
    except (OSError, ValueError, JoseError) as wrong:
        raise SettingsError([f"{path} holds no Ed25519 private key in PEM that can be read: {wrong}."]) from wrong


def public_keys(path: Path) -> list[OKPKey]:
    """The keys of a file: a JWK, or a JWK Set while an old key and a new one are both good. Raises ValueError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return [OKPKey.import_key(each) for each in content.get("keys", [content])]


def _stamp(path: Path) -> tuple[int, int, int]:
    """Changes when a file does. Raises OSError."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


class TokenSigner:
    """Signs tokens as one issuer, with the key that its file holds now."""

    def __init__(self, keys_dir: Path, issuer: str, clock: Clock | None = None) -> None:
        self._path = keys_dir / f"{issuer}.key.pem"
        self._key = ensure_key(keys_dir, issuer)
        self._read_at = _stamp(self._path)
        self._issuer = issuer
        self._clock = clock or SystemClock()
        self._service: tuple[str, datetime] | None = None
        self._lock = threading.Lock()

    def member(self, account_id: str, session_id: str) -> tuple[str, datetime]:
        """A token for a member's session and the instant it ends."""
        return self._sign({"sub": f"member:{account_id}", "sid": session_id})

    def staff(self, account_id: str, session_id: str, roles: frozenset[str]) -> tuple[str, datetime]:
        return self._sign({"sub": f"staff:{account_id}", "sid": session_id, "roles": sorted(roles)})

    def service(self) -> str:
        """This service's own token; the same one until half its life has passed."""
        with self._lock:
            now = self._clock.now()
            if self._service is None or now > self._service[1] - LIFETIME / 2:
                self._service = self._sign({"sub": f"service:{self._issuer}"})
            return self._service[0]

    def _sign(self, claims: dict[str, object]) -> tuple[str, datetime]:
        now = self._clock.now()
        until = now + LIFETIME
        claims |= {"iss": self._issuer, "aud": AUDIENCE, "iat": int(now.timestamp()), "exp": int(until.timestamp())}
        key = self._current()
        return jwt.encode({"alg": "Ed25519", "kid": self._issuer}, claims, key, algorithms=_ALGORITHMS), until

    def _current(self) -> OKPKey:
        """The key of the file, read again when it was replaced; the last one while there is none that can be read."""
        try:
            stamp = _stamp(self._path)
            if stamp != self._read_at:
                self._key, self._read_at = private_key(self._path), stamp
        except (OSError, SettingsError) as wrong:
            logger().error("key_not_taken", file=self._path.name, problem=type(wrong).__name__)
        return self._key


class TokenVerifier:
    """Checks tokens against the public keys in ``keys_dir``, which are read again when their file was replaced.

    While a key is changed the file holds a JWK Set with the old and the new one, and both are good.
    """

    def __init__(self, keys_dir: Path, clock: Clock | None = None) -> None:
        self._keys_dir = keys_dir
        self._clock = clock or SystemClock()
        self._keys: dict[str, tuple[object, list[OKPKey]]] = {}

    def verify(self, token: str) -> Principal:
        """The caller a token speaks of. Raises Unauthenticated, saying no more than that the token is not good."""
        try:
            header = json.loads(_unpad(token.split(".")[0]))
            issuer = str(header["kid"])
            if not issuer.isidentifier():
                raise ValueError("issuer")
            claims = self._claims(token, issuer)
            now = self._clock.now().timestamp()
            if claims["iss"] != issuer or claims["aud"] != AUDIENCE:
                raise ValueError("issuer or audience")
            if not claims["iat"] - LEEWAY.seconds <= now < claims["exp"] + LEEWAY.seconds:
                raise ValueError("expired")
            kind, _, subject = str(claims["sub"]).partition(":")
        except (JoseError, ValueError, KeyError, TypeError, OSError) as wrong:
            raise Unauthenticated("The access token is not valid or has expired: sign in again.", "TOKEN") from wrong
        if kind == "service" and subject == issuer:
            return Principal("service", subject)
        if issuer == "identity" and kind in ("member", "staff"):
            return Principal(kind, subject, str(claims.get("sid", "")), frozenset(claims.get("roles", ())))
        raise Unauthenticated(f"Issuer {issuer} may not vouch for {kind} callers.", "TOKEN")

    def _claims(self, token: str, issuer: str) -> dict[str, Any]:
        """What a token says that one of the issuer's keys has signed. Raises JoseError, OSError or ValueError."""
        failure: JoseError | None = None
        for key in self._known(issuer):
            try:
                return jwt.decode(token, key, algorithms=_ALGORITHMS).claims
            except BadSignatureError as wrong:
                failure = wrong
        raise failure or ValueError("no key")

    def _known(self, issuer: str) -> list[OKPKey]:
        path = self._keys_dir / f"{issuer}.pub.json"
        stamp = _stamp(path)
        cached = self._keys.get(issuer)
        if cached is None or cached[0] != stamp:
            cached = (stamp, public_keys(path))
            self._keys[issuer] = cached
        return cached[1]


def _unpad(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
