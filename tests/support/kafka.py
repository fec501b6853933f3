"""One Apache Kafka broker for a worker's session; tests/conftest.py offers it to every test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.chassis.issuing import issue, new_authority
from services.local.kafka import Broker, KafkaMissing, kafka_broker
from services.local.ports import free_port
from tests.support.needs import missing

_SECURITY = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecureDoor:
    """The broker's second way in, SASL_SSL as an installation has it: its certificate names `localhost`, and one user may
    prove itself by PLAIN or by SCRAM-SHA-512."""

    folder: Path
    user: str = "billing"
    password: str = "pass-word"
    port: int = field(default_factory=free_port)

    def write(self) -> None:
        """The broker's key, the authority that vouches for it, and another that does not."""
        now = datetime.now(UTC)
        ours = new_authority("brokers", now)
        made = issue(ours, "kafka", ["localhost"], now)
        (self.folder / "broker.pem").write_bytes(made.key + made.certificate)
        (self.folder / "ca.crt").write_bytes(ours.certificate)
        (self.folder / "other.crt").write_bytes(new_authority("others", now).certificate)

    def url(self, *, password: str = "", mechanism: str = "SCRAM-SHA-512", ca: str = "ca.crt", host: str = "") -> str:
        """The event log's URL for whoever comes in here."""
        login = f"{self.user}:{password or self.password}"
        return f"kafka://{login}@{host or 'localhost'}:{self.port}?mechanism={mechanism}&ca={self.folder / ca}"

    @property
    def properties(self) -> str:
        lines = {
            "listeners": "PLAINTEXT://127.0.0.1:${broker_port},CONTROLLER://127.0.0.1:${controller_port},"
            f"SECURE://127.0.0.1:{self.port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:${{broker_port}},SECURE://localhost:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
            "listener.name.secure.ssl.keystore.type": "PEM",
            "listener.name.secure.ssl.keystore.location": f"{self.folder}/broker.pem",
            "listener.name.secure.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.secure.plain.sasl.jaas.config": f"{_SECURITY}.plain.PlainLoginModule required "
            f'user_{self.user}="{self.password}";',
            "listener.name.secure.scram-sha-512.sasl.jaas.config": f"{_SECURITY}.scram.ScramLoginModule required;",
        }
        return "\n" + "".join(f"{name}={value}\n" for name, value in lines.items())


@pytest.fixture(scope="session")
def secure_door() -> Iterator[SecureDoor]:
    folder = Path(tempfile.mkdtemp(prefix="acometida-kafka-tls-"))
    door = SecureDoor(folder)
    door.write()
    yield door
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def kafka(secure_door: SecureDoor) -> Iterator[Broker]:
    """A running broker, shared: each test takes topics and groups of its own."""
    user = f"SCRAM-SHA-512=[name={secure_door.user},password={secure_door.password}]"
    try:
        with kafka_broker(more=secure_door.properties, format_with=["--add-scram", user]) as broker:
            yield broker
    except KafkaMissing as why:
        missing(f"No Apache Kafka broker: {why}")
