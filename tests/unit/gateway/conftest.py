"""The gateway on fake services that speak real gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from services.chassis.environment import load
from services.gateway.app import create_app
from services.gateway.settings import Settings
from tests.unit.gateway.fakes import FakeServices, World

ROOT = Path(__file__).resolve().parents[3]


class CompiledTemplates(BytecodeCache):
    """Templates compiled once for all the applications of a session, as they are compiled once in a gateway's life."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._compiled.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


COMPILED = CompiledTemplates()


@dataclass
class Portal:
    """The application, the world behind it, and two browsers."""

    app: Flask
    fakes: FakeServices
    visitor: FlaskClient
    member: FlaskClient

    @property
    def world(self) -> World:
        return self.fakes.world


def settings_for(folder: Path, addresses: dict[str, str], profile: str = "demo-es", **more: str) -> Settings:
    environ = {
        "COOP_DATA_DIR": str(folder),
        "COOP_PROFILE_DIR": str(ROOT / "profiles" / profile),
        "COOP_PAGE_BUDGET_SECONDS": "20",
        **{f"COOP_{name.upper()}_ADDRESS": address for name, address in addresses.items()},
        **more,
    }
    return load(Settings, environ)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """A member called Ana on 21 November 2026, in Spanish."""
    fakes = FakeServices(tmp_path / "keys")
    app = create_app(settings_for(tmp_path, fakes.addresses), clock=fakes.world.clock)
    app.jinja_env.bytecode_cache = COMPILED
    visitor, member = app.test_client(), app.test_client()
    member.set_cookie("coop-session", "good-token")
    yield Portal(app, fakes, visitor, member)
    app.extensions["coop.upstream"].close()
    fakes.stop()


def token_of(html: str) -> str:
    """The form token in a page."""
    return html.split('name="csrf_token" value="')[1].split('"')[0]
