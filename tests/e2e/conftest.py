"""One browser for the session; the whole platform for the journeys, the pages on fake services for their looks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from services.gateway.app import create_app
from tests.e2e.browser import chromium
from tests.support.collector import Collector, collector
from tests.support.stack import Stack, running_stack
from tests.unit.gateway.conftest import settings_for
from tests.unit.gateway.fakes import FakeServices


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="package")
def traces() -> Iterator[Collector]:
    """What the platform sends its traces to."""
    with collector() as running:
        yield running


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, traces: Collector) -> Iterator[Stack]:
    """The platform as `make run` starts it, with the Spanish demonstration loaded."""
    # Traced is only what comes with a trace that says so: tracing all that is loaded would take its time.
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "OTEL_TRACES_SAMPLER": "parentbased_always_off"}
    # Whole pages are looked at, also on a machine where a part comes later than a member should have to wait.
    told["COOP_PAGE_BUDGET_SECONDS"] = "20"
    with running_stack(tmp_path_factory.mktemp("stack") / "var", settings=told) as running:
        yield running


@pytest.fixture(scope="module")
def portal_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The portal on fake services, on a day when every kind of content is there."""
    folder: Path = tmp_path_factory.mktemp("portal")
    fakes = FakeServices(folder / "keys")
    app = create_app(settings_for(folder, fakes.addresses), clock=fakes.world.clock)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    app.extensions["coop.upstream"].close()
    fakes.stop()
