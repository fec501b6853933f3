"""Keys and certificates that an installation makes for itself: EC on P-256, in PEM.

An authority of the installation's own issues what the services prove themselves to each other with; it is trusted by them
and by nobody else. Documents are signed with a certificate that vouches for itself until the cooperative has a better one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_VALID = timedelta(days=10 * 365)
SERVICE_VALID = timedelta(days=365)
SIGNING_VALID = timedelta(days=5 * 365)
#: Clocks differ: a certificate is good from a day before it was made.
_BEFORE = timedelta(days=1)
#: A name in a certificate holds at most 64 characters (RFC 5280, ub-common-name).
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Issued:
    """A private key and its certificate, in PEM."""

    key: bytes = field(repr=False)
    certificate: bytes


def new_authority(name: str, now: datetime, *, valid: timedelta = AUTHORITY_VALID) -> Issued:
    """An authority that issues certificates of services and no authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME]))
    made = (
        _builder(subject, subject, key.public_key(), now, valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _issued(key, made)


def issue(
    authority: Issued, name: str, hosts: Sequence[str], now: datetime, *, valid: timedelta = SERVICE_VALID
) -> Issued:
    """A service's new key and certificate, good for answering as one of ``hosts`` (names or addresses) and for calling.

    Raises ValueError when the authority is none.
    """
    issuer_key = load_pem_private_key(authority.key, None)
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey) or issuer_key.public_key() != issuer.public_key():
        raise ValueError("The authority's certificate is not that of its key, which must be EC.")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME]))
    # Nobody can use a certificate for longer than the authority's own.
    end = min(now + valid, issuer.not_valid_after_utc)
    made = (
        _builder(subject, issuer.subject, key.public_key(), now, end - now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
    return _issued(key, made)


def self_signed(name: str, country: str, now: datetime) -> Issued:
    """What documents are signed with: a certificate of the cooperative that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    short = name[:_LONGEST_NAME]
    subject = _name(
        x509.NameAttribute(NameOID.COUNTRY_NAME, country.upper()),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, short),
        x509.NameAttribute(NameOID.COMMON_NAME, short),
    )
    made = (
        _builder(subject, subject, key.public_key(), now, SIGNING_VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, content_commitment=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _issued(key, made)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, valid: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now - _BEFORE, now + valid - _BEFORE))
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(*attributes: x509.NameAttribute[str]) -> x509.Name:
    return x509.Name(list(attributes))


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(**allowed: bool) -> x509.KeyUsage:
    known = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in known})


def _issued(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Issued:
    return Issued(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), certificate.public_bytes(Encoding.PEM)
    )
