"""Sixty-second Ed25519-signed tokens: who calls, proved without asking anybody.

Each issuer has its own key in ``keys_dir``: ``<issuer>.key.pem`` (private, mode 0600) and ``<issuer>.pub.json`` (JWK).
``identity`` may vouch for members and staff; any other issuer only for itself as a service.
"""

import base64
import json
import os
import secrets
import threading
from datetime import datetime, timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from services.chassis.clock import Clock, SystemClock
from services.chassis.context import Principal
from services.chassis.errors import Unauthenticated

LIFETIME = timedelta(seconds=60)
#: How far two machines' clocks may disagree.
LEEWAY = timedelta(seconds=5)
AUDIENCE = "acometida"
_ALGORITHMS = ["EdDSA", "Ed25519"]


def ensure_key(keys_dir: Path, issuer: str) -> OKPKey:
    """The issuer's private key; made on first use, atomically, so that two starters agree on one."""
    keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = keys_dir / f"{issuer}.key.pem"
    if not private.exists():
        made = OKPKey.generate_key("Ed25519")
        draft = keys_dir / f".{issuer}.{secrets.token_hex(4)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made.as_pem(private=True))
        try:
            os.link(draft, private)
        except FileExistsError:
            pass  # another starter was first: its key is the key
        finally:
            draft.unlink()
    key = OKPKey.import_key(private.read_bytes())
    public = keys_dir / f"{issuer}.pub.json"
    text = json.dumps(key.as_dict(private=False), sort_keys=True)
    if not public.exists() or public.read_text() != text:
        draft = keys_dir / f".{issuer}.{secrets.token_hex(4)}"
        draft.write_text(text)
        draft.replace(public)
    return key


class TokenSigner:
    """Signs tokens as one issuer."""

    def __init__(self, keys_dir: Path, issuer: str, clock: Clock | None = None) -> None:
        self._key = ensure_key(keys_dir, issuer)
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
        return jwt.encode({"alg": "Ed25519", "kid": self._issuer}, claims, self._key, algorithms=_ALGORITHMS), until


class TokenVerifier:
    """Checks tokens against the public keys in ``keys_dir``; a key that was replaced is read again when it fails."""

    def __init__(self, keys_dir: Path, clock: Clock | None = None) -> None:
        self._keys_dir = keys_dir
        self._clock = clock or SystemClock()
        self._keys: dict[str, tuple[int, OKPKey]] = {}

    def verify(self, token: str) -> Principal:
        """The caller a token speaks of. Raises Unauthenticated, saying no more than that the token is not good."""
        try:
            header = json.loads(_unpad(token.split(".")[0]))
            issuer = str(header["kid"])
            if not issuer.isidentifier():
                raise ValueError("issuer")
            claims = jwt.decode(token, self._key(issuer), algorithms=_ALGORITHMS).claims
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

    def _key(self, issuer: str) -> OKPKey:
        path = self._keys_dir / f"{issuer}.pub.json"
        stamp = path.stat().st_mtime_ns
        cached = self._keys.get(issuer)
        if cached is None or cached[0] != stamp:
            cached = (stamp, OKPKey.import_key(json.loads(path.read_text())))
            self._keys[issuer] = cached
        return cached[1]


def _unpad(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
