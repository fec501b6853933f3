"""Identity on both databases, called through its real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from services.identity.app import build
from services.identity.settings import Settings
from tests.support.service_under_test import ServiceUnderTest, service_under_test


@pytest.fixture
def schema_of() -> str:
    return "identity"


@pytest.fixture
def identity(database_url: str, tmp_path: Path) -> Iterator[ServiceUnderTest]:
    with service_under_test(
        "identity", Settings, build, IdentityServiceStub, folder=tmp_path, database_url=database_url
    ) as running:
        yield running
