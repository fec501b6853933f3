"""The key that documents are signed with, and its certificate: one PEM file in the folder of keys.

``documents.pem`` holds the private key (PKCS #8, EC on P-256, no password) and its certificate, followed by those that
issued it, if any. One file, so that key and certificate are always replaced together.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from services.chassis.issuing import self_signed
from services.chassis.secret_files import write_once

KEY_FILE = "documents.pem"
#: Bytes of certificates that a signature carries: several times what public authorities' chains have.
_LONGEST_CHAIN = 16 * 1024


@dataclass(frozen=True)
class SigningKey:
    """Key and certificates in DER, so that a printing process can be handed them; the signer's certificate is first."""

    private: bytes = field(repr=False)
    certificates: tuple[bytes, ...]

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return _private(self.private)

    @property
    def certificate(self) -> x509.Certificate:
        return parsed(self.certificates[0])

    @property
    def sha256(self) -> str:
        """What the certificate is known by."""
        return hashlib.sha256(self.certificates[0]).hexdigest()

    @property
    def name(self) -> str:
        return name_of(self.certificates[0])

    def valid_at(self, at: datetime) -> bool:
        return self.certificate.not_valid_before_utc <= at <= self.certificate.not_valid_after_utc


@lru_cache(maxsize=8)
def _private(der: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_der_private_key(der, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # what read_key lets through
    return key


@lru_cache(maxsize=64)
def parsed(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def name_of(der: bytes) -> str:
    """Whom a certificate names: its common name, else its whole subject."""
    subject = parsed(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else subject.rfc4514_string()


def public_point(der: bytes) -> bytes:
    """The public key of a certificate as it stands in it: 65 bytes for a point of P-256."""
    key = parsed(der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def read_key(keys_dir: Path) -> SigningKey | None:
    """The key of the folder; None when there is none. Raises ValueError with a sentence when the file is no such pair."""
    path = keys_dir / KEY_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        key = load_pem_private_key(content, None)
        certificates = x509.load_pem_x509_certificates(content)
    except (ValueError, TypeError) as wrong:
        raise ValueError(
            f"{path} is not a private key without password followed by its certificate, in PEM: {wrong}"
        ) from wrong
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"The key in {path} is not of the curve P-256 (prime256v1), which documents are signed with.")
    if certificates[0].public_key() != key.public_key():
        raise ValueError(f"The first certificate in {path} is not that of the key in it.")
    chain = tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)
    if sum(map(len, chain)) > _LONGEST_CHAIN:
        raise ValueError(f"The certificates in {path} have more than {_LONGEST_CHAIN} bytes: give those of one chain.")
    return SigningKey(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), chain)


def ensure_self_signed(keys_dir: Path, name: str, country: str, now: datetime) -> SigningKey:
    """The folder's key; a new one with a certificate that vouches for itself when there is none.

    Two that start at once agree on one. Such a certificate proves that a document is unchanged since the holder of the
    key signed it; who that is, it only says.
    """
    path = keys_dir / KEY_FILE
    if not path.exists():
        made = self_signed(name, country, now)
        write_once(path, made.key + made.certificate)
    found = read_key(keys_dir)
    assert found is not None
    return found
