"""`coopctl admin secrets`: what it makes is what services take, nothing is overwritten, nobody else can read it."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy.engine import make_url

from services.billing.signing import read_key
from services.chassis.grpc.certificates import read_identity
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier
from services.staff.admin_secrets import ISSUERS, SERVICES, WITH_CERTIFICATE
from services.staff.cli import run

PROFILE = str(Path(__file__).resolve().parents[3] / "profiles" / "demo-es")


def secrets(folder: Path, *more: str) -> int:
    return run(["admin", "secrets", "--out", str(folder), "--profile", PROFILE, *more])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_services_take_what_it_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made"
    options = ("--database-host", "db.example:6432", "--database-options", "sslmode=verify-full&sslrootcert=/ca.crt")
    assert secrets(out, "--namespace", "coop", *options, "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {each["path"] for each in listed} == set(content(out)) and all(each["made"] for each in listed)
    assert {oct(path.stat().st_mode & 0o777) for path in out.rglob("*")} == {"0o600", "0o700"}

    for issuer in ISSUERS:  # each service's folder holds its own key and everybody's public ones
        keys = tmp_path / issuer
        keys.mkdir()
        for path in (*(out / "keys" / issuer).iterdir(), *(out / "public").iterdir()):
            (keys / path.name).write_bytes(path.read_bytes())
        before = content(keys)
        token = TokenSigner(keys, issuer).service()
        assert TokenVerifier(tmp_path / ISSUERS[0]).verify(token).id == issuer
        assert content(keys) == before
    assert read_key(out / "keys" / "billing") is not None
    words = [
        (out / "keys" / path).read_text() for path in ("gateway/gateway.secret", "identity/bootstrap-staff.secret")
    ]
    assert all(len(word) >= 40 for word in words) and words[0] != words[1]

    for name in WITH_CERTIFICATE:
        identity = read_identity(out / "tls" / name)
        certificate = x509.load_pem_x509_certificate(identity.chain)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert set(names.get_values_for_type(x509.DNSName)) >= {name, f"{name}.coop.svc", "localhost"}
        # What another library makes of them.
        ssl.create_default_context(cadata=identity.authority.decode()).load_cert_chain(
            out / "tls" / name / "tls.crt", out / "tls" / name / "tls.key"
        )

    passwords = set()
    for service in SERVICES:
        for kind, user in (("owner", f"{service}_owner"), ("app", f"{service}_app_a")):
            url = make_url((out / "databases" / f"{service}.{kind}.url").read_text().strip())
            assert (url.username, url.host, url.port, url.database) == (user, "db.example", 6432, service)
            assert url.query["sslmode"] == "verify-full"
            passwords.add(url.password)
    assert len(passwords) == 2 * len(SERVICES)


def test_nothing_is_overwritten_but_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert secrets(tmp_path) == 0
    first = content(tmp_path)
    capsys.readouterr()
    assert secrets(tmp_path, "--json") == 0
    assert content(tmp_path) == first
    assert not any(each["made"] for each in json.loads(capsys.readouterr().out))

    (tmp_path / "keys" / "gateway" / "gateway.secret").unlink()
    assert secrets(tmp_path, "--renew", "tls") == 0
    changed = {path for path, text in content(tmp_path).items() if text != first[path]}
    assert changed == {"keys/gateway/gateway.secret"} | {
        f"tls/{name}/{kind}" for name in WITH_CERTIFICATE for kind in ("tls.crt", "tls.key")
    }
    assert read_identity(tmp_path / "tls" / "billing").authority == first["ca/ca.crt"]


def test_token_keys_change_in_three_steps_and_no_token_is_refused(tmp_path: Path) -> None:
    assert secrets(tmp_path) == 0
    first = content(tmp_path)
    keys = tmp_path / "mounted"
    keys.mkdir()

    def mount(*folders: str) -> None:
        for folder in folders:
            for path in (tmp_path / folder).iterdir():
                (keys / path.name).write_bytes(path.read_bytes())

    mount("public", "keys/identity")
    signer, verifier = TokenSigner(keys, "identity"), TokenVerifier(keys)
    for _ in range(3):
        earlier = signer.member("ana", "s")[0]
        assert secrets(tmp_path, "--renew", "token-keys") == 0
        for folder in ("keys/identity", "public"):
            mount(folder)
            now = signer.member("ana", "s")[0]
            assert verifier.verify(now).id == verifier.verify(earlier).id == "ana"
    last = content(tmp_path)
    assert not (tmp_path / "coming" / "identity.key.pem").exists()
    assert set(last) - {path for path in last if path.startswith("mounted/")} == set(first)
    changed = {path for path in first if last[path] != first[path]}
    assert changed == {f"public/{issuer}.pub.json" for issuer in ISSUERS} | {
        f"keys/{issuer}/{issuer}.key.pem" for issuer in ISSUERS
    }


def test_what_cannot_be_done_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert secrets(tmp_path, "--database-host", "db") == 2
    assert "--database-host is 'db': write it as host:port" in capfd.readouterr().err
    assert secrets(Path("/dev/null/made")) == 2
    assert "/dev/null/made/keys/identity/identity.key.pem" in capfd.readouterr().err
    assert run(["admin", "secrets", "--out", str(tmp_path), "--profile", str(tmp_path)]) == 2
    assert "coop.toml does not exist" in capfd.readouterr().err
    assert secrets(tmp_path) == 0
    (tmp_path / "ca" / "ca.key").unlink()
    assert secrets(tmp_path) == 2
    assert "has one of ca.key and ca.crt" in capfd.readouterr().err


def test_everything_given_wrongly_is_said_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, nowhere = tmp_path / "made", tmp_path / "nowhere"
    given = ("--profile", str(nowhere), "--namespace", "Our_Coop", "--database-host", "db:5432:6432")
    assert run(["admin", "secrets", "--out", str(out), *given]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "--namespace is 'Our_Coop': use small letters, digits and hyphens, at most 63.",
        "--database-host is 'db:5432:6432': write it as host:port, such as 127.0.0.1:8001.",
        f"{nowhere}/coop.toml does not exist: COOP_PROFILE_DIR must be a folder with a coop.toml.",
    ]
    assert not out.exists()
