"""Both ends of a call prove who they are; certificates are replaced while calls go on. Through real sockets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.identity.v1 import identity_service_pb2 as pb
from coop.identity.v1 import identity_service_pb2_grpc as rpc

from services.chassis.environment import SettingsError
from services.chassis.grpc.certificates import CertificateFolder, CertificateProblem
from services.chassis.grpc.client import Clients
from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier, new_key, public_text
from services.chassis.issuing import Issued, issue, new_authority
from services.chassis.telemetry import CERTIFICATE_EXPIRY

NOW = datetime.now(UTC)
HOSTS = ["localhost", "127.0.0.1"]


class Servicer(rpc.IdentityServiceServicer):
    """Answers at once, or, asked for a slow answer, when it is allowed to."""

    def __init__(self) -> None:
        self.allowed = threading.Event()
        self.slow = threading.Event()

    def GetMyAccount(self, _request: Any, ctx: Any) -> Any:
        if dict(ctx.invocation_metadata()).get("slow"):
            self.slow.set()
            assert self.allowed.wait(300)
        return pb.GetMyAccountResponse(account=pb.Account(id="ana"))


@dataclass
class Installation:
    """An authority, and folders of services with what it issued."""

    folder: Path
    authority: Issued

    def tls(self, name: str, *, hosts: list[str] | None = None, authority: Issued | None = None) -> str:
        """Writes a new certificate into the folder of `name`, in place of the one that was there."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        made = issue(authority or self.authority, name, hosts or HOSTS, NOW)
        # In this order, and not at once: a reader in between finds a certificate with another's key.
        (folder / "ca.crt").write_bytes((authority or self.authority).certificate)
        (folder / "tls.crt").write_bytes(made.certificate)
        (folder / "tls.key").write_bytes(made.key)
        return str(folder)


@pytest.fixture
def ours(tmp_path: Path) -> Installation:
    return Installation(tmp_path, new_authority("ours", NOW))


@pytest.fixture(autouse=True)
def every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are looked at on every call, not once a second."""
    monkeypatch.setattr("services.chassis.grpc.certificates.LOOK_EVERY_S", 0.0)


@contextmanager
def serving(tls_dir: str, keys: Path) -> Iterator[tuple[int, Servicer]]:
    servicer = Servicer()
    descriptor = pb.DESCRIPTOR.services_by_name["IdentityService"]
    spec = ServicerSpec(servicer, rpc.add_IdentityServiceServicer_to_server, descriptor)
    server = build_server("identity", [spec], TokenVerifier(keys))
    port = bind(server, "127.0.0.1:0", tls_dir)
    server.start()
    try:
        yield port, servicer
    finally:
        server.stop(0).wait(5)


@contextmanager
def calling(port: int, tls_dir: str, keys: Path) -> Iterator[rpc.IdentityServiceStub]:
    signer = TokenSigner(keys, "identity")
    clients = Clients(
        {"identity": f"127.0.0.1:{port}"},
        lambda: {"authorization": f"Bearer {signer.member('ana', 's')[0]}"},
        tls_dir=tls_dir,
    )
    try:
        yield clients.stub("identity", rpc.IdentityServiceStub)
    finally:
        clients.close()


def works(stub: rpc.IdentityServiceStub) -> bool:
    return stub.GetMyAccount(pb.GetMyAccountRequest(), timeout=30).account.id == "ana"


def test_a_call_with_certificates_of_one_authority(ours: Installation, tmp_path: Path) -> None:
    with serving(ours.tls("identity"), tmp_path) as (port, _), calling(port, ours.tls("billing"), tmp_path) as stub:
        assert works(stub)
        assert works(stub)
    ends = {sample.labels["file"]: sample.value for sample in CERTIFICATE_EXPIRY.collect()[0].samples}
    assert ends["tls.crt"] == pytest.approx((NOW + timedelta(days=365)).timestamp(), abs=2)
    assert ends["ca.crt"] > ends["tls.crt"]


def test_strangers_are_refused(ours: Installation, tmp_path: Path) -> None:
    theirs = new_authority("theirs", NOW)
    server = ours.tls("identity")
    stranger = ours.tls("stranger", authority=theirs)
    # One that trusts our server, and shows a certificate that we did not issue.
    (tmp_path / "stranger" / "ca.crt").write_bytes(ours.authority.certificate + theirs.certificate)
    with serving(server, tmp_path) as (port, _):
        for tls_dir in (stranger, ""):
            with calling(port, tls_dir, tmp_path) as stub, pytest.raises(grpc.RpcError) as refused:
                stub.SignIn(pb.SignInRequest(), timeout=3)  # a call that is tried once
            assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@pytest.mark.parametrize("fault", ["authority", "name"])
def test_a_server_that_is_not_the_one_called_is_refused(ours: Installation, tmp_path: Path, fault: str) -> None:
    theirs = new_authority("theirs", NOW)
    made = (
        ours.tls("identity", hosts=["billing", "billing.acometida.svc"])
        if fault == "name"
        else ours.tls("identity", authority=theirs)
    )
    if fault == "authority":  # it would take ours
        (tmp_path / "identity" / "ca.crt").write_bytes(ours.authority.certificate + theirs.certificate)
    with (
        serving(made, tmp_path) as (port, _),
        calling(port, ours.tls("billing"), tmp_path) as stub,
        pytest.raises(grpc.RpcError) as refused,
    ):
        stub.SignIn(pb.SignInRequest(), timeout=3)
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_certificates_are_replaced_under_calls_and_none_fails(ours: Installation, tmp_path: Path) -> None:
    server, client = ours.tls("identity"), ours.tls("billing")
    stop = threading.Event()
    failures: list[grpc.RpcError] = []
    answered = 0
    with serving(server, tmp_path) as (port, servicer), calling(port, client, tmp_path) as stub:
        assert works(stub)
        slow = stub.GetMyAccount.future(pb.GetMyAccountRequest(), timeout=300, metadata=(("slow", "1"),))
        assert servicer.slow.wait(60)

        def go_on() -> None:
            nonlocal answered
            while not stop.is_set():
                try:
                    answered += works(stub)
                except grpc.RpcError as error:
                    failures.append(error)

        caller = threading.Thread(target=go_on)
        caller.start()
        new = new_authority("ours, later", NOW)
        both = ours.authority.certificate + new.certificate
        for certificate in (ours.authority, new, new):
            seen = answered
            for name in ("identity", "billing"):
                (tmp_path / name / "ca.crt").write_bytes(both)  # first everybody trusts the new authority too
            for name in ("identity", "billing"):
                made = issue(certificate, name, HOSTS, NOW)
                (tmp_path / name / "tls.crt").write_bytes(made.certificate)
                (tmp_path / name / "tls.key").write_bytes(made.key)
            while answered < seen + 5 and not failures:
                stop.wait(0.01)
        # A connection of somebody who trusts the new authority alone proves that the server has its new certificate.
        with calling(port, ours.tls("office", authority=new), tmp_path) as other:
            assert works(other)
        servicer.allowed.set()
        assert slow.result(60).account.id == "ana"  # begun with the first certificate, ended with the third
        stop.set()
        caller.join(60)
    assert not failures and answered >= 15


def test_half_a_replacement_changes_nothing(ours: Installation, tmp_path: Path) -> None:
    folder = CertificateFolder(Path(ours.tls("billing")))
    before = folder.current()
    made = issue(ours.authority, "billing", HOSTS, NOW)
    (tmp_path / "billing" / "tls.crt").write_bytes(made.certificate)
    assert folder.current() is before
    (tmp_path / "billing" / "tls.key").write_bytes(made.key)
    assert (folder.current().chain, folder.current().key) == (made.certificate, made.key)
    (tmp_path / "billing" / "tls.key").unlink()
    assert folder.current().key == made.key


def test_an_expired_replacement_is_not_taken(ours: Installation, tmp_path: Path) -> None:
    folder = CertificateFolder(Path(ours.tls("billing")))
    before = folder.current()
    old = issue(ours.authority, "billing", HOSTS, NOW, valid=timedelta(seconds=-1))
    (tmp_path / "billing" / "tls.crt").write_bytes(old.certificate)
    (tmp_path / "billing" / "tls.key").write_bytes(old.key)
    assert folder.current() is before
    with pytest.raises(CertificateProblem, match=r"ended on .* UTC: make new ones with 'coopctl admin secrets"):
        CertificateFolder(tmp_path / "billing")


def test_a_mounted_secret_is_replaced_by_a_link(ours: Installation, tmp_path: Path) -> None:
    """As Kubernetes does: the files are links into ..data, itself a link to the folder of a version."""
    mount = tmp_path / "mount"
    mount.mkdir()

    def publish(version: str) -> None:
        made = Path(ours.tls(version))
        made.rename(mount / f"..{version}")
        (mount / "..next").symlink_to(f"..{version}")
        (mount / "..next").rename(mount / "..data")

    publish("first")
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (mount / name).symlink_to(f"..data/{name}")
    folder = CertificateFolder(mount)
    first = folder.current()
    assert folder.current() is first
    publish("second")
    assert folder.current().chain == (mount / "..second" / "tls.crt").read_bytes() != first.chain


def test_keys_that_are_there_are_only_read(tmp_path: Path) -> None:
    TokenSigner(tmp_path, "billing")
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}, tmp_path.stat().st_mtime_ns
    token = TokenSigner(tmp_path, "billing").service()
    assert TokenVerifier(tmp_path).verify(token).id == "billing"
    assert ({path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}, tmp_path.stat().st_mtime_ns) == before


def test_a_key_that_cannot_be_made_is_named() -> None:
    sentence = r"^/dev/null/keys/billing.key.pem is not there .* 'coopctl admin secrets'"
    with pytest.raises(SettingsError, match=sentence):
        TokenSigner(Path("/dev/null/keys"), "billing")


def test_a_token_key_changes_without_a_refused_token(tmp_path: Path) -> None:
    """First everybody learns the new key beside the old one, then its issuer signs with it, then the old one is forgotten."""
    signer, verifier = TokenSigner(tmp_path, "identity"), TokenVerifier(tmp_path)
    public = tmp_path / "identity.pub.json"
    with_old, _ = signer.member("ana", "s")
    key = new_key()
    public.write_text(json.dumps({"keys": [json.loads(public.read_text()), json.loads(public_text(key))]}))
    assert verifier.verify(with_old).id == verifier.verify(signer.member("ana", "s")[0]).id == "ana"
    TokenSigner(tmp_path, "identity")  # a restart meanwhile leaves the set as it is
    assert len(json.loads(public.read_text())["keys"]) == 2
    (tmp_path / "identity.key.pem").write_bytes(key.as_pem(private=True))
    with_new, _ = signer.member("ana", "s")
    assert verifier.verify(with_old).id == verifier.verify(with_new).id == "ana"
    public.write_text(public_text(key))
    assert verifier.verify(with_new).id == "ana"
    with pytest.raises(Exception, match="not valid"):
        verifier.verify(with_old)
