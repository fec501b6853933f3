"""The gRPC edge through real sockets: identity, access, errors both ways, deadlines, retries."""

import errno
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.identity.v1 import identity_service_pb2 as pb
from coop.identity.v1 import identity_service_pb2_grpc as rpc
from google.protobuf import descriptor_pb2, descriptor_pool

from services.chassis import context
from services.chassis.clock import FixedClock, SystemClock
from services.chassis.errors import (
    Forbidden,
    Internal,
    Invalid,
    StorageFull,
    Throttled,
    TimedOut,
    Unauthenticated,
    Unavailable,
    Violation,
)
from services.chassis.grpc import access
from services.chassis.grpc.client import Clients, remote, retry_config
from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier

SERVICE = pb.DESCRIPTOR.services_by_name["IdentityService"]


class Servicer(rpc.IdentityServiceServicer):
    """Does what each test puts into ``does``."""

    def __init__(self) -> None:
        self.does: Any = lambda: None
        self.seen: context.Principal | None = None
        self.calls = 0
        self.context: Any = None

    def GetMyAccount(self, request: Any, ctx: Any) -> Any:
        self.context = ctx
        self.seen = context.caller()
        self.calls += 1
        self.does()
        return pb.GetMyAccountResponse(account=pb.Account(id=context.caller().id))

    CreateStaff = Register = SignIn = ChangePassword = GetMyAccount
    IssueMailToken = GetMyAccount


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def servicer() -> Servicer:
    return Servicer()


@pytest.fixture
def address(keys: Path, servicer: Servicer) -> Iterator[str]:
    server = build_server(
        "identity",
        [ServicerSpec(servicer, rpc.add_IdentityServiceServicer_to_server, SERVICE)],
        TokenVerifier(keys),
    )
    port = bind(server, "127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def stub(address: str, token: str = "", **metadata: str) -> rpc.IdentityServiceStub:
    headers = {key.replace("_", "-"): value for key, value in metadata.items()}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return Clients({"identity": address}, lambda: headers, deadline_s=30).stub("identity", rpc.IdentityServiceStub)


def test_a_members_token_names_the_caller(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("account-1", "session-1")
    assert stub(address, token).GetMyAccount(pb.GetMyAccountRequest()).account.id == "account-1"
    assert servicer.seen is not None
    assert (servicer.seen.kind, servicer.seen.session_id) == ("member", "session-1")


def test_a_stranger_is_asked_to_sign_in(address: str) -> None:
    with pytest.raises(Unauthenticated, match="sign in"), remote():
        stub(address).GetMyAccount(pb.GetMyAccountRequest())


def test_a_member_may_not_call_what_is_the_offices(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("account-1", "session-1")
    with pytest.raises(Forbidden, match="member"), remote():
        stub(address, token).CreateStaff(pb.CreateStaffRequest())
    assert servicer.calls == 0


def test_staff_need_the_declared_role(address: str, keys: Path) -> None:
    signer = TokenSigner(keys, "identity")
    reader, _ = signer.staff("clerk", "s", frozenset({"reader"}))
    with pytest.raises(Forbidden, match="role security"), remote():
        stub(address, reader).CreateStaff(pb.CreateStaffRequest())
    chief, _ = signer.staff("chief", "s", frozenset({"security"}))
    stub(address, chief).CreateStaff(pb.CreateStaffRequest())


def test_only_the_named_service_may_call(address: str, keys: Path) -> None:
    with pytest.raises(Forbidden, match="billing"), remote():
        stub(address, TokenSigner(keys, "billing").service()).IssueMailToken(pb.IssueMailTokenRequest())
    stub(address, TokenSigner(keys, "notifications").service()).IssueMailToken(pb.IssueMailTokenRequest())


def test_a_service_cannot_vouch_for_a_member(keys: Path) -> None:
    forged, _ = TokenSigner(keys, "billing").member("account-1", "session-1")
    with pytest.raises(Unauthenticated):
        TokenVerifier(keys).verify(forged)


def test_a_full_disk_is_told_as_one(address: str, keys: Path, servicer: Servicer) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    servicer.does = full
    token, _ = TokenSigner(keys, "identity").member("a", "s")
    with pytest.raises(StorageFull, match=r"no room left .* nothing was kept") as told, remote():
        stub(address, token).GetMyAccount(pb.GetMyAccountRequest())
    assert (told.value.code, told.value.reason) == ("RESOURCE_EXHAUSTED", "DISK_FULL")


@pytest.mark.parametrize("spoil", ["", "x.y.z", "cut", "flip"])
def test_a_spoilt_token_is_refused(keys: Path, spoil: str) -> None:
    token, _ = TokenSigner(keys, "identity").member("a", "s")
    bad = {"cut": token[:-8], "flip": token.replace(".", ".e", 1)}.get(spoil, spoil)
    with pytest.raises(Unauthenticated):
        TokenVerifier(keys).verify(bad)


def test_a_token_lives_sixty_seconds(keys: Path) -> None:
    clock = FixedClock(SystemClock().now())
    token, until = TokenSigner(keys, "identity", clock).member("a", "s")
    assert until - clock.now() == timedelta(seconds=60)
    verifier = TokenVerifier(keys, clock)
    clock.advance(timedelta(seconds=59))
    assert verifier.verify(token).id == "a"
    clock.advance(timedelta(seconds=7))
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_two_starters_agree_on_one_key(keys: Path) -> None:
    signers: list[TokenSigner] = []
    threads = [threading.Thread(target=lambda: signers.append(TokenSigner(keys, "identity"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verifier = TokenVerifier(keys)
    assert {verifier.verify(signer.member("a", "s")[0]).id for signer in signers} == {"a"}
    assert (keys / "identity.key.pem").stat().st_mode & 0o777 == 0o600


def test_expected_errors_travel_whole(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("a", "s")

    def refuse() -> None:
        raise Invalid("Two fields are wrong.", "TWO", violations=[Violation("a", "too long"), Violation("b", "empty")])

    servicer.does = refuse
    with pytest.raises(Invalid) as caught, remote():
        stub(address, token).GetMyAccount(pb.GetMyAccountRequest())
    assert (caught.value.message, caught.value.reason) == ("Two fields are wrong.", "TWO")
    assert caught.value.violations == [Violation("a", "too long"), Violation("b", "empty")]


def test_a_throttled_caller_learns_when_to_come_back(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("a", "s")

    def refuse() -> None:
        raise Throttled("Too many attempts: wait two minutes.", retry_after_s=120)

    servicer.does = refuse
    with pytest.raises(Throttled) as caught, remote():
        stub(address, token).GetMyAccount(pb.GetMyAccountRequest())
    assert caught.value.retry_after_s == 120


def test_an_unexpected_error_leaves_nothing_but_a_request_id(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("a", "s")

    def break_down() -> None:
        raise KeyError("secret-iban")

    servicer.does = break_down
    with pytest.raises(Internal) as caught, remote():
        stub(address, token, x_request_id="req-7").GetMyAccount(pb.GetMyAccountRequest())
    assert "secret-iban" not in caught.value.message
    assert "req-7" in caught.value.message


def test_every_call_has_a_deadline(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("a", "s")
    release = threading.Event()
    servicer.does = lambda: release.wait(120)
    clients = Clients({"identity": address}, lambda: {"authorization": f"Bearer {token}"}, deadline_s=0.2)
    began = time.monotonic()
    with pytest.raises(TimedOut), remote():
        clients.stub("identity", rpc.IdentityServiceStub).GetMyAccount(pb.GetMyAccountRequest())
    release.set()
    assert time.monotonic() - began < 60


def test_a_call_without_a_deadline_is_refused(address: str, keys: Path, servicer: Servicer) -> None:
    token, _ = TokenSigner(keys, "identity").member("a", "s")
    with grpc.insecure_channel(address) as channel, pytest.raises(Invalid, match="deadline"), remote():
        rpc.IdentityServiceStub(channel).GetMyAccount(
            pb.GetMyAccountRequest(), metadata=[("authorization", f"Bearer {token}")]
        )
    assert servicer.calls == 0


def test_only_the_gateway_is_believed_about_the_persons_address(address: str, keys: Path, servicer: Servicer) -> None:
    gateway = TokenSigner(keys, "gateway").service()
    stub(address, gateway, x_client_address="203.0.113.9").Register(pb.RegisterRequest())
    assert servicer.seen is not None and servicer.seen.client_address == "203.0.113.9"
    stub(address, x_client_address="203.0.113.9").Register(pb.RegisterRequest())
    assert servicer.seen.client_address == "127.0.0.1"


def test_reads_and_commands_with_a_request_id_are_tried_again_and_nothing_else() -> None:
    config = retry_config("identity")
    assert '"GetMyAccount"' in config and '"Register"' in config
    assert '"SignIn"' not in config and '"ChangePassword"' not in config


def test_every_service_of_a_package_is_covered_and_what_its_proto_calls_idempotent() -> None:
    """The receipts, the papers; and the token that every page of a signed-in member begins with."""
    billing = retry_config("billing")
    for service, method in (("PaymentsService", "GetReceiptDocument"), ("DocumentsService", "GetInvoiceText")):
        assert f'"coop.billing.v1.{service}", "method": "{method}"' in billing
    assert '"ImportBankFile"' not in billing
    assert '"IssueAccessToken"' in retry_config("identity")
    assert '"MarkNoticeRead"' in retry_config("notifications")


def test_a_read_finds_the_server_that_comes_back(keys: Path, servicer: Servicer) -> None:
    def server() -> grpc.Server:
        return build_server(
            "identity",
            [ServicerSpec(servicer, rpc.add_IdentityServiceServicer_to_server, SERVICE)],
            TokenVerifier(keys),
        )

    first = server()
    port = bind(first, "127.0.0.1:0")
    first.start()
    token, _ = TokenSigner(keys, "identity").member("a", "s")
    client = stub(f"127.0.0.1:{port}", token)
    client.GetMyAccount(pb.GetMyAccountRequest())
    first.stop(0).wait()
    second = server()
    bind(second, f"127.0.0.1:{port}")
    second.start()
    try:
        assert client.GetMyAccount(pb.GetMyAccountRequest(), timeout=60).account.id == "a"
    finally:
        second.stop(0).wait()


def test_a_read_that_an_ending_server_cancelled_is_asked_again(address: str, keys: Path, servicer: Servicer) -> None:
    """What reaches a server in its last moment, after its drain began, it cancels."""

    def ends_under_it() -> None:
        if servicer.calls == 1:
            servicer.context.abort(grpc.StatusCode.CANCELLED, "the server is shutting down")

    servicer.does = ends_under_it
    token, _ = TokenSigner(keys, "identity").member("a", "s")
    assert stub(address, token).GetMyAccount(pb.GetMyAccountRequest()).account.id == "a"
    assert servicer.calls == 2
    servicer.calls = 0
    with pytest.raises(Unavailable), remote():
        stub(address, token).ChangePassword(pb.ChangePasswordRequest())
    assert servicer.calls == 1, "a command without a request id may have been done: it is not done twice"


def test_a_taken_address_is_one_sentence(address: str, keys: Path, servicer: Servicer) -> None:
    other = build_server("identity", [], TokenVerifier(keys))
    with pytest.raises(OSError, match="is taken"):
        bind(other, address)


def test_a_method_that_does_not_say_who_may_call_stops_the_server() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="bare.v1", syntax="proto3")
    file.message_type.add(name="Nothing")
    file.service.add(name="Bare").method.add(name="Call", input_type=".bare.v1.Nothing", output_type=".bare.v1.Nothing")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    with pytest.raises(access.UndeclaredAccess, match=r"bare\.v1\.Bare\.Call"):
        access.policies(pool.FindServiceByName("bare.v1.Bare"))
