"""What the use cases share."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message

from services.chassis.clock import Clock
from services.chassis.db import Database, RequestKey
from services.chassis.grpc.tokens import TokenSigner
from services.identity.hashing import Hasher

TOPIC = "coop.identity.account.v1"


@dataclass(frozen=True)
class Core:
    """``context`` are texts whose words no password may lean on: the cooperative's names."""

    database: Database
    clock: Clock
    hasher: Hasher
    signer: TokenSigner
    languages: tuple[str, ...]
    default_language: str
    context: tuple[str, ...]
    #: Called after a request was left for the worker.
    wake_worker: Callable[[], None]


def new_token() -> str:
    """256 random bits, safe in a link and in a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def key_without(scope: str, request: Message, *secret_fields: str) -> RequestKey:
    """The idempotency key of a request with its passwords left out: a fast hash of them must not be kept anywhere."""
    bare = type(request)()
    bare.CopyFrom(request)
    for name in secret_fields:
        bare.ClearField(name)
    return RequestKey.of(scope, bare)
