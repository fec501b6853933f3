"""Supplies on both databases, called through its real server: the Spanish profile confirms, the Argentine one grants at once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from coop.supplies.v1.supplies_service_pb2_grpc import SuppliesServiceStub

from services.supplies.app import build
from services.supplies.settings import Settings
from tests.support.service_under_test import ServiceUnderTest, service_under_test

Start = Callable[..., ServiceUnderTest]


@pytest.fixture
def schema_of() -> str:
    return "supplies"


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts supplies; called again after a close, it finds its data."""
    with ExitStack() as stack:

        def begin(profile: str = "demo-es", **more: object) -> ServiceUnderTest:
            return stack.enter_context(
                service_under_test(
                    "supplies",
                    Settings,
                    build,
                    SuppliesServiceStub,
                    folder=tmp_path,
                    database_url=database_url,
                    profile=profile,
                    **more,  # type: ignore[arg-type]
                )
            )

        yield begin


@pytest.fixture
def spain(start: Start) -> ServiceUnderTest:
    return start("demo-es")


@pytest.fixture
def argentina(start: Start) -> ServiceUnderTest:
    return start("demo-ar")
