"""The gateway's secret is replaced while members have forms open, and replicas read their files at different moments."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.chassis.environment import SettingsError
from services.gateway.app import create_app
from services.gateway.secret import gateway_secret
from services.staff.cli import run
from tests.unit.gateway.conftest import COMPILED, settings_for, token_of
from tests.unit.gateway.fakes import FakeServices

PROFILE = str(Path(__file__).resolve().parents[3] / "profiles" / "demo-es")


class Replica:
    """A gateway with a mounted file of its own."""

    def __init__(self, folder: Path, fakes: FakeServices) -> None:
        self.file = folder / "gateway.secret"
        folder.mkdir()
        self._made_from = (folder, fakes)
        self.app: Flask

    def mount(self, file: Path) -> None:
        """As a projected volume does: another file in its place."""
        shutil.copyfile(file, draft := self.file.with_suffix(".new"))
        draft.replace(self.file)

    def start(self) -> None:
        folder, fakes = self._made_from
        settings = settings_for(folder, fakes.addresses, COOP_KEYS_DIR=str(folder.parent / "keys"),
                                COOP_GATEWAY_SECRET_FILE=str(self.file))  # fmt: skip
        self.app = create_app(settings, clock=fakes.world.clock)
        self.app.jinja_env.bytecode_cache = COMPILED


class Visitor:
    """A browser that opens a form at one replica and sends it to whichever answers."""

    def __init__(self) -> None:
        self.cookie = self.token = ""

    def open(self, replica: Replica) -> Visitor:
        browser = replica.app.test_client()
        self.token = token_of(browser.get("/forgotten-password").text)
        [found] = [value for (_, _, name), value in browser._cookies.items() if name == "coop-form"]
        self.cookie = found.value
        return self

    def send(self, replica: Replica) -> int:
        browser: FlaskClient = replica.app.test_client()
        browser.set_cookie("coop-form", self.cookie)
        return browser.post(
            "/forgotten-password", data={"csrf_token": self.token, "email": "ana@example.org"}
        ).status_code


@contextmanager
def replicas(folder: Path) -> Iterator[tuple[Replica, Replica]]:
    fakes = FakeServices(folder / "keys")
    first, second = Replica(folder / "first", fakes), Replica(folder / "second", fakes)
    yield first, second
    for each in (first, second):
        each.app.extensions["coop.upstream"].close()
    fakes.stop()


def test_open_forms_are_taken_while_the_secret_is_replaced_in_three_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    file = made / "keys" / "gateway" / "gateway.secret"

    def secrets(*more: str) -> None:
        assert run(["admin", "secrets", "--out", str(made), "--profile", PROFILE, *more]) == 0

    secrets()
    before = file.read_text()
    with replicas(tmp_path) as (first, second):
        for each in (first, second):
            each.mount(file)
            each.start()
        earliest = Visitor().open(first)
        assert earliest.send(second) == 303
        for step in range(3):
            capsys.readouterr()
            secrets("--renew", "gateway-secret")
            assert ("run this again" in capsys.readouterr().err) is (step < 2)
            early = Visitor().open(second)
            first.mount(file)
            # The first replica has the step's file, the second one has not: each takes the other's forms.
            late = Visitor().open(first)
            if step < 2:
                assert earliest.send(first) == earliest.send(second) == 303
            assert early.send(first) == late.send(second) == 303
            second.mount(file)
        assert earliest.send(first) == earliest.send(second) == 400, "what the old secret signed is over"
        assert late.send(second) == 303
    assert before not in file.read_text() and len(file.read_text().split()) == 1
    assert not (made / "coming" / "gateway.secret").exists()


def test_a_file_that_cannot_be_used_changes_nothing_while_it_runs_and_is_named_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.secret"
    file.write_text("a-word-that-signs\n")
    settings = settings_for(tmp_path, {}, COOP_GATEWAY_SECRET_FILE=str(file))
    secret = gateway_secret(settings)
    assert secret.words == ("a-word-that-signs",) and not secret.changed()
    for content in ("", "two words\n", "caf\u00e9\n"):
        file.write_text(content)
        assert not secret.changed() and not secret.changed()
        with pytest.raises(SettingsError, match=r"gateway\.secret, the gateway's secret, cannot be used: it"):
            gateway_secret(settings)
    file.unlink()
    assert not secret.changed() and secret.words == ("a-word-that-signs",)
    file.write_text("another\na-word-that-signs\n")
    assert secret.changed() and secret.words == ("another", "a-word-that-signs")
    said = capsys.readouterr().err
    assert said.count("gateway_secret_not_taken") == 4 and "a-word" not in said
