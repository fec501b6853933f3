"""Whether a PDF is still what was signed, asked of its bytes and the certificates that documents were ever signed with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.billing.signing import cms
from services.billing.signing.keys import public_point
from services.billing.signing.pdf import signature_of


class Verdict(StrEnum):
    GENUINE = "genuine"
    ALTERED = "altered"
    NOT_OURS = "not_ours"


@dataclass(frozen=True)
class Examined:
    """`certificate` is what an intact signature was made with, in DER; empty when there is none."""

    verdict: Verdict
    certificate: bytes = b""


def examine(content: bytes, certificates: Iterable[bytes]) -> Examined:
    """What the bytes say of themselves.

    Genuine: one signature of ours over the whole file. Altered: a certificate of ours is named in the file, by its hash
    or its public key, and its signature does not hold. One changed byte breaks one of the two names at most, so it never
    makes a document of ours somebody else's.
    """
    known = list(certificates)
    signed = signature_of(content)
    if signed is not None:
        for certificate in known:
            if cms.verify(signed.message, signed.digest, certificate):
                return Examined(Verdict.GENUINE, certificate)
    written = content.lower()
    named = any(name in written for certificate in known for name in _names(certificate))
    return Examined(Verdict.ALTERED if named else Verdict.NOT_OURS)


def _names(certificate: bytes) -> tuple[bytes, bytes]:
    return hashlib.sha256(certificate).hexdigest().encode(), public_point(certificate).hex().encode()
