"""A real Apache Kafka broker on this machine, without Docker: for tests and for `make run-production-like`.

Maven resolves the jars named in `deploy/kafka/pom.xml` once into a cache folder; a broker is then a `java` process with
its own data folder and free loopback ports, stopped by its process id.
"""

from __future__ import annotations

import fcntl
import hashlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from string import Template

from services.local.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
RECIPE = PROJECT / "deploy" / "kafka"
START_TIMEOUT_S = 180.0
# It lives for minutes: the second compiler and collecting garbage in parallel cost more processor time than they save.
JAVA = ("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class KafkaMissing(Exception):
    """This machine cannot run a Kafka broker; the message says what is missing and how to get it."""


def jars() -> Path:
    """Folder with the broker's jars, brought by Maven the first time (43 MB). Safe to call from several processes.

    Raises `KafkaMissing` without Java, or without the jars and Maven or a network to bring them.
    """
    if shutil.which("java") is None:
        raise KafkaMissing("java is not installed (Debian: apt-get install openjdk-17-jre-headless)")
    version = hashlib.sha256((RECIPE / "pom.xml").read_bytes()).hexdigest()[:12]
    cache = PROJECT / "var" / "cache"
    folder = cache / f"kafka-{version}"
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise KafkaMissing("mvn, which brings Kafka's jars, is not installed (Debian: apt-get install maven)")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as work:
                _bring_jars(Path(work))
                (Path(work) / "jars").rename(folder)
    return folder


def _bring_jars(work: Path) -> None:
    shutil.copy(RECIPE / "pom.xml", work)
    result = subprocess.run(
        ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime"],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise KafkaMissing(f"Maven could not bring Kafka's jars: {result.stdout.strip()[-600:]}")


class Broker:
    """One KRaft broker with its data in `folder`. Started again on the same folder it keeps its ports and its data."""

    def __init__(
        self, folder: Path, port: int | None = None, *, more: str = "", format_with: Sequence[str] = ()
    ) -> None:
        """`more`: properties beside those of the recipe, of which the last of a name counts; `format_with`: options of the
        storage's first formatting."""
        self._folder = folder
        self._class_path = f"{jars()}/*"
        self.port = port or free_port()
        self._format_with = format_with
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._properties = folder / "server.properties"
        self._properties.write_text(
            Template((RECIPE / "server.properties").read_text() + more).substitute(
                broker_port=self.port, controller_port=free_port(), data_folder=folder / "data"
            )
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The event log's URL."""
        return f"kafka://{self.address}"

    @property
    def log(self) -> Path:
        return self._folder / "broker.log"

    def start(self) -> None:
        """Start and wait until the broker answers on its port. Raises `RuntimeError` with the end of its log."""
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._properties)),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._ends_within(0.1) or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"The Kafka broker did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self, timeout_s: float = 15.0) -> None:
        """Orderly end, by process id; killed when it takes longer than `timeout_s`."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ends_within(self, seconds: float) -> bool:
        """Whether the broker's process ended by itself."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [*JAVA, "-cp", self._class_path, main, *arguments]

    def _format(self) -> None:
        # What `kafka-storage random-uuid` would say, without a virtual machine for it: 16 bytes in 22 letters.
        identifier = f"--cluster-id={secrets.token_urlsafe(16)}"
        arguments = ("format", "--standalone", identifier, "-c", str(self._properties), *self._format_with)
        subprocess.run(self._java("kafka.tools.StorageTool", *arguments), capture_output=True, check=True)

    def _answers(self) -> bool:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=[self.address], bootstrap_timeout_ms=2000)
        except KafkaError:
            return False
        try:
            return len(admin.describe_cluster()["brokers"]) == 1
        except KafkaError:
            return False
        finally:
            admin.close()


@contextmanager
def kafka_broker(*, more: str = "", format_with: Sequence[str] = ()) -> Iterator[Broker]:
    """Start a broker in a temporary folder; stop it and remove the folder at the end. Raises `KafkaMissing`."""
    folder = Path(tempfile.mkdtemp(prefix="acometida-kafka-"))
    try:
        broker = Broker(folder, more=more, format_with=format_with)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
