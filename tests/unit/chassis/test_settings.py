"""Settings as an operator gives them: in variables or files, wrong ones named together, before anything starts."""

import faulthandler
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.chassis.command import main
from services.chassis.config import ServiceSettings
from services.chassis.environment import EXIT_SETTINGS, SettingsError, load
from services.chassis.issuing import issue, new_authority
from services.gateway.settings import Settings as GatewaySettings
from services.notifications.settings import Settings as NotificationsSettings

PROFILE = str(Path(__file__).resolve().parents[3] / "profiles" / "demo-es")
NOW = datetime.now(UTC)


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """What is right wherever the tests run."""
    return {"COOP_DATA_DIR": str(tmp_path / "data"), "COOP_PROFILE_DIR": PROFILE}


def problems(kind: type, environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(kind, environ)
    return caught.value.problems


def file_with(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_any_setting_may_be_a_file(given: dict[str, str], tmp_path: Path) -> None:
    url = "postgresql+psycopg://billing_app_a:secret@db:5432/billing"
    settings = load(
        NotificationsSettings,
        given
        | {
            "COOP_DATABASE_URL_FILE": file_with(tmp_path, "url", f"{url}\n"),
            "COOP_SMTP_PASSWORD_FILE": file_with(tmp_path, "password", " with spaces \r\n"),
            "COOP_SMTP_USER": "office",
            "COOP_DRAIN_SECONDS_FILE": file_with(tmp_path, "drain", "20"),
        },
    )
    assert (settings.database, settings.smtp_password, settings.drain_s) == (url, " with spaces ", 20.0)
    assert settings.database_url_now() == url
    file_with(tmp_path, "url", "postgresql+psycopg://billing_app_b:other@db:5432/billing")
    assert settings.database_url_now() == "postgresql+psycopg://billing_app_b:other@db:5432/billing"
    assert "secret" not in repr(settings) and "with spaces" not in repr(settings)


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: str(folder / "nowhere"), "which cannot be read: No such file or directory."),
        (lambda folder: str(folder), "which cannot be read: Is a directory."),
        (lambda folder: file_with(folder, "empty", "\n"), "which cannot be read: the file is empty."),
        (lambda folder: file_with(folder, "bytes", b"\xff\xfe"), "which cannot be read: it is not text in UTF-8."),
        (
            lambda folder: file_with(folder, "wrong", "mysql://me:hush@db/x"),
            "which says something wrong: mysql is none",
        ),
    ],
)
def test_a_file_that_is_no_good_is_named(
    given: dict[str, str], tmp_path: Path, prepare: Callable[[Path], str], sentence: str
) -> None:
    path = prepare(tmp_path)
    (said,) = problems(ServiceSettings, given | {"COOP_DATABASE_URL_FILE": path})
    assert said.startswith(f"COOP_DATABASE_URL_FILE is {path!r}, {sentence}") and "hush" not in said


def test_missing_malformed_and_contradictory_settings_are_named_together(given: dict[str, str], tmp_path: Path) -> None:
    said = problems(
        GatewaySettings,
        given
        | {
            "COOP_PROFILE_DIR": str(tmp_path),
            "COOP_KEYS_DIR": "/keys",
            "COOP_KEYS_DIR_FILE": "/keys",
            "COOP_DATABASE_URL": "postgresql://app:hush@db/",
            "COOP_EVENT_LOG": "kafka://app:hush@broker:9093?ca=/nowhere/ca.pem&key=/nowhere/key.pem",
            "COOP_EVENT_PARTITIONS": "0",
            "COOP_GRPC_ADDRESS": "0.0.0.0:8001",
            "COOP_HEALTH_ADDRESS": "0.0.0.0:8001",
            "COOP_TLS_DIR": str(tmp_path),
            "COOP_DRAIN_SECONDS": "0",
            "COOP_LOG_LEVEL": "loud",
            "COOP_BILLING_ADDRESS": "10.0.0.1:80:90",
            "COOP_PUBLIC_URL": "http://office.example.org",
            "COOP_TRUSTED_PROXIES": "1",
        },
    )
    text = "\n".join(said)
    for part in (
        "COOP_KEYS_DIR and COOP_KEYS_DIR_FILE are both set",
        "COOP_DATABASE_URL is wrong: it names no database",
        "ca=/nowhere/ca.pem, which cannot be read",
        "COOP_EVENT_LOG has one of certificate and key",
        "COOP_EVENT_PARTITIONS is '0': give a whole number from 1",
        "COOP_HEALTH_ADDRESS is '0.0.0.0:8001', and COOP_GRPC_ADDRESS has that port already",
        f"{tmp_path}/tls.crt cannot be read",
        f"{tmp_path}/tls.key cannot be read",
        f"{tmp_path}/ca.crt cannot be read",
        "COOP_DRAIN_SECONDS is '0'",
        "COOP_LOG_LEVEL is 'loud': use debug, info, warning or error",
        "COOP_BILLING_ADDRESS is '10.0.0.1:80:90': write it as host:port",
        "COOP_PUBLIC_URL is 'http://office.example.org' and COOP_TRUSTED_PROXIES is 1",
        f"{tmp_path}/coop.toml does not exist",
    ):
        assert part in text, part
    assert "hush" not in text


def test_a_folder_that_cannot_be_written_is_named(given: dict[str, str]) -> None:
    (said,) = problems(ServiceSettings, given | {"COOP_DATA_DIR": "/dev/null/data"})
    assert said.startswith("COOP_DATA_DIR is '/dev/null/data'")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"COOP_SMTP_USER": "office"}, "COOP_SMTP_PASSWORD is not set"),
        (
            {"COOP_SMTP_USER": "o", "COOP_SMTP_PASSWORD": "hush", "COOP_SMTP_ADDRESS": "mail.example.org:587"},
            "COOP_SMTP_TLS is none: the password would travel to mail.example.org readable",
        ),
        (
            {"COOP_DATABASE_URL": "postgresql+psycopg://a:hush@db/x?sslmode=verify-full"},
            "COOP_DATABASE_URL says sslmode=verify-full and not by which authority",
        ),
        (
            {"COOP_DATABASE_URL": "postgresql+psycopg://a:hush@db/x?sslmode=verify-full&sslrootcert=/nowhere"},
            "COOP_DATABASE_URL says sslrootcert=/nowhere, which cannot be read.",
        ),
        ({"COOP_PUBLIC_URL": "office.example.org"}, "COOP_PUBLIC_URL is 'office.example.org': write it as https://"),
    ],
)
def test_contradictions(given: dict[str, str], more: dict[str, str], sentence: str) -> None:
    (said,) = problems(NotificationsSettings, given | more)
    assert said.startswith(sentence) and "hush" not in said


def tls_folder(folder: Path, *, valid: timedelta = timedelta(days=9), strange: str = "") -> str:
    """A folder with tls.crt, tls.key and ca.crt; one of them from another installation."""
    authority, other = new_authority("ours", NOW), new_authority("theirs", NOW)
    made = issue(authority, "billing", ["billing"], NOW, valid=valid)
    content = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": authority.certificate}
    theirs = issue(other, "billing", ["billing"], NOW)
    content |= {
        name: {"tls.key": theirs.key, "ca.crt": other.certificate, "tls.crt": b"none"}[name]
        for name in [strange]
        if name
    }
    for name, text in content.items():
        (folder / name).write_bytes(text)
    return str(folder)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"valid": timedelta(hours=-1)}, "coopctl admin secrets --renew tls"),
        ({"strange": "tls.key"}, "tls.crt is not the certificate of the key in tls.key."),
        ({"strange": "ca.crt"}, "tls.crt was not issued by the authority in ca.crt."),
        ({"strange": "tls.crt"}, "tls.crt holds no certificate in PEM"),
    ],
)
def test_certificates_that_are_no_good(
    given: dict[str, str], tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    folder = tls_folder(tmp_path, **options)  # type: ignore[arg-type]
    (said,) = problems(ServiceSettings, given | {"COOP_TLS_DIR": folder})
    assert sentence in said
    if "valid" in options:
        assert f"ended on {NOW - timedelta(hours=1):%Y-%m-%d at %H:%M} UTC" in said


def test_good_certificates_are_taken(given: dict[str, str], tmp_path: Path) -> None:
    assert load(ServiceSettings, given | {"COOP_TLS_DIR": tls_folder(tmp_path)}).tls_dir == str(tmp_path)


def test_wrong_settings_have_an_exit_code_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["billing", "serve"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(faulthandler, "enable", lambda: None)
    monkeypatch.setenv("COOP_DRAIN_SECONDS", "0")
    monkeypatch.setenv("COOP_GRPC_ADDRESS", "here")
    with pytest.raises(SystemExit) as ended:
        main("billing", ServiceSettings, lambda _: pytest.fail("it was built"))
    assert ended.value.code == EXIT_SETTINGS == 78
    assert len(capfd.readouterr().err.strip().splitlines()) == 2
