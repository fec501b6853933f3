"""Signatures of printed documents, checked by two who did not make them: poppler's pdfsig, and asn1crypto by itself."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf
import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from services.billing.documents import render_certificate, render_invoice, render_statement
from services.billing.documents.receipt import render_receipt
from services.billing.documents.reminder_letter import render_reminder_letter
from services.billing.signing import KEY_FILE, Seal, SigningKey, Verdict, ensure_self_signed, examine, read_key
from tests.support.needs import require
from tests.unit.billing.documents.samples import bill_a, certificate_ar, receipt, statement_es
from tests.unit.billing.documents.test_reminder_letter_pdf import letter

NAME = "Cooperativa Eléctrica de Meliana, Coop. V."
ISSUED = datetime(2026, 11, 2, 10, 15, 3, tzinfo=UTC)
PAGE = "https://coop.example/verify"


def new_key(folder: Path, name: str = NAME) -> SigningKey:
    return ensure_self_signed(folder, name, "es", ISSUED)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signed(key: SigningKey) -> bytes:
    return render_invoice(bill_a(), "es", Seal(key, ISSUED, PAGE))


def verdict(content: bytes, *keys: SigningKey) -> Verdict:
    return examine(content, [each.certificates[0] for each in keys]).verdict


def test_pdfsig_finds_the_signature_valid_and_over_the_whole_document(tmp_path: Path, signed: bytes) -> None:
    program = require("pdfsig", "poppler-utils")
    (tmp_path / "invoice.pdf").write_bytes(signed)
    # A home of its own: whom a browser on this machine trusts is no part of the test.
    home = {**os.environ, "HOME": str(tmp_path)}
    said = subprocess.run(
        [program, str(tmp_path / "invoice.pdf")], env=home, capture_output=True, text=True, check=True
    ).stdout
    assert "Signature Validation: Signature is Valid." in said
    assert "Certificate Validation: Certificate issuer is unknown." in said
    assert "Total document signed" in said and "ETSI.CAdES.detached" in said
    assert f"Signer Certificate Common Name: {NAME}" in said


def test_the_signature_is_pades_baseline_b(key: SigningKey, signed: bytes) -> None:
    """Read with pypdf and asn1crypto, verified with cryptography: nothing of what signed it takes part."""
    reader = pypdf.PdfReader(io.BytesIO(signed))
    form = reader.trailer["/Root"]["/AcroForm"]
    assert form["/SigFlags"] == 3
    value = form["/Fields"][0].get_object()["/V"]
    assert (value["/Filter"], value["/SubFilter"], value["/Name"]) == ("/Adobe.PPKLite", "/ETSI.CAdES.detached", NAME)
    assert value["/M"] == "D:20261102101503Z"
    begin, length, again, rest = value["/ByteRange"]
    assert (begin, again + rest) == (0, len(signed)) and signed[length : length + 1] == b"<"
    content = cms.ContentInfo.load(bytes(value["/Contents"]))["content"]
    (signer,) = content["signer_infos"]
    attributes = {each["type"].native: each["values"].native[0] for each in signer["signed_attrs"]}
    assert set(attributes) == {"content_type", "message_digest", "signing_certificate_v2"}  # and no signing time
    assert attributes["message_digest"] == hashlib.sha256(signed[:length] + signed[again:]).digest()
    certificate = content["certificates"][0].chosen.dump()
    (reference,) = attributes["signing_certificate_v2"]["certs"]
    assert reference["cert_hash"] == hashlib.sha256(certificate).digest()
    assert reference["hash_algorithm"]["algorithm"] == "sha256"
    public = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
    public.verify(signer["signature"].native, signer["signed_attrs"].untag().dump(), ec.ECDSA(hashes.SHA256()))


def test_the_same_document_has_the_same_bytes(key: SigningKey, signed: bytes) -> None:
    assert render_invoice(bill_a(), "es", Seal(key, ISSUED, PAGE)) == signed
    assert render_invoice(bill_a(), "es", Seal(key, ISSUED + timedelta(seconds=1), PAGE)) != signed


def test_it_says_who_signed_and_where_that_is_checked(
    key: SigningKey, signed: bytes, pages: Callable[[bytes], list[str]]
) -> None:
    found = pages(signed)
    assert all(f"Firmado electrónicamente por {NAME} · " in page and "coop.example/verify" in page for page in found)
    assert not any("Firmado" in page for page in pages(render_invoice(bill_a(), "es")))


def test_every_kind_of_document_can_be_signed(key: SigningKey) -> None:
    seal = Seal(key, ISSUED, PAGE)
    for document in (
        render_certificate(certificate_ar(), "es-AR", seal),
        render_statement(statement_es(), "en", seal),
        render_receipt(receipt(), "es", seal),
        render_reminder_letter(letter(), "es", seal),
    ):
        assert verdict(document, key) is Verdict.GENUINE


def test_any_changed_byte_is_noticed_and_still_known_for_ours(key: SigningKey, signed: bytes) -> None:
    """Around the signature one in three, elsewhere one in two hundred."""
    place = signed.index(b"/Type /Sig")
    around = range(place - 20, signed.index(b">>", place) + 20, 3)
    for position in sorted({*around, *range(0, len(signed), 200), len(signed) - 1}):
        for changed in (signed[position] ^ 0x20, (signed[position] + 1) % 256):
            altered = signed[:position] + bytes([changed]) + signed[position + 1 :]
            assert verdict(altered, key) is Verdict.ALTERED, position


def test_what_is_added_or_cut_off_is_noticed(key: SigningKey, signed: bytes) -> None:
    assert verdict(signed, key) is Verdict.GENUINE
    writer = pypdf.PdfWriter(io.BytesIO(signed), incremental=True)
    writer.add_metadata({"/Title": "Another invoice"})
    appended = io.BytesIO()
    writer.write(appended)
    assert appended.getvalue().startswith(signed)
    for altered in (appended.getvalue(), signed + b"\n", signed[:-1], signed + signed, b" " + signed):
        assert verdict(altered, key) is Verdict.ALTERED


def test_papers_of_others_are_not_ours(tmp_path: Path, key: SigningKey, signed: bytes) -> None:
    """Also one with our name in a certificate that somebody made for himself."""
    forged = new_key(tmp_path)
    assert forged.name == key.name
    assert verdict(render_invoice(bill_a(), "es", Seal(forged, ISSUED, PAGE)), key) is Verdict.NOT_OURS
    for content in (render_invoice(bill_a(), "es"), b"", b"%PDF-1.4", bytes(5000), b"/ByteRange [0 " * 999):
        assert verdict(content, key) is Verdict.NOT_OURS
    assert verdict(signed) is Verdict.NOT_OURS


def test_what_was_signed_with_an_older_key_stays_genuine(tmp_path: Path, key: SigningKey, signed: bytes) -> None:
    newer = new_key(tmp_path)
    examined = examine(signed, [newer.certificates[0], key.certificates[0]])
    assert (examined.verdict, examined.certificate) == (Verdict.GENUINE, key.certificates[0])


# ---------------------------------------------------------------------------------------------------------------- keys
def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    made = new_key(tmp_path)
    assert new_key(tmp_path, "Somebody else") == made == read_key(tmp_path)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert made.valid_at(ISSUED) and not made.valid_at(ISSUED + timedelta(days=3000))
    assert repr(made.private) not in repr(made)
    assert new_key(tmp_path / "other", "C" * 80).name == "C" * 64


def test_without_a_file_there_is_no_key(tmp_path: Path) -> None:
    assert read_key(tmp_path) is None


def test_a_file_that_is_no_pair_of_key_and_certificate_is_refused_in_words(tmp_path: Path, key: SigningKey) -> None:
    certificate = new_key(tmp_path / "first").certificate.public_bytes(Encoding.PEM)
    other, wide = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())

    def pem(private: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
        protection = BestAvailableEncryption(password) if password else NoEncryption()
        return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)

    for content, words in (
        (b"nothing", "is not a private key without password followed by its certificate"),
        (pem(other, b"secret") + certificate, "is not a private key without password"),
        (pem(other), "is not a private key without password followed by its certificate"),
        (pem(wide) + certificate, "is not of the curve P-256"),
        (pem(other) + certificate, "is not that of the key"),
        (pem(key.key) + key.certificate.public_bytes(Encoding.PEM) + certificate * 60, "give those of one chain"),
    ):
        (tmp_path / KEY_FILE).write_bytes(content)
        with pytest.raises(ValueError, match=words):
            read_key(tmp_path)
