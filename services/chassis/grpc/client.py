"""gRPC clients: every call has a deadline, an identity and a trace; what did not get through is tried again where that is safe."""

import importlib
import json
import pkgutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import grpc
from google.protobuf import descriptor_pb2

from services.chassis import context, tracing
from services.chassis.grpc.sizes import MAX_MESSAGE
from services.chassis.grpc.status import from_rpc

StubT = TypeVar("StubT")

#: Seconds for a call that states none.
DEFAULT_DEADLINE_S = 5.0

_RETRY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    # A server that ends cancels what reached it in its last moment and was not begun.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
_READS = ("Get", "List", "Verify", "Preview", "Watch", "Stream")


def retry_config(service: str) -> str:
    """The gRPC service config of one of our services: what did not get through is tried again (gRFC A6) for reads, for
    commands with a ``request_id``, which the server answers once however often they come, and for what the proto calls
    idempotent (``idempotency_level``). Everything else fails at once."""
    names = [
        {"service": offered.full_name, "method": method.name}
        for offered in _offered(service)
        for method in offered.methods
        if _may_repeat(method)
    ]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": _RETRY}]})


def _offered(service: str) -> Iterator[Any]:
    """Descriptors of every gRPC service that one of our services may answer: its own, and the common ones."""
    for package in (f"coop.{service}.v1", "coop.common.v1"):
        folder = importlib.import_module(package).__path__
        for module in sorted(found.name for found in pkgutil.iter_modules(folder)):
            if module.endswith("_service_pb2"):
                yield from importlib.import_module(f"{package}.{module}").DESCRIPTOR.services_by_name.values()


def _may_repeat(method: Any) -> bool:
    """Whether a call that may have arrived can be made again. A stream towards the server cannot: its start is gone."""
    if method.client_streaming:
        return False
    declared = method.GetOptions().idempotency_level != descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN
    return declared or method.name.startswith(_READS) or "request_id" in method.input_type.fields_by_name


def open_channel(service: str, address: str, tls_dir: str = "") -> grpc.Channel:
    """A channel to a service that reconnects within a second. Open it after forking, never before.

    With ``tls_dir`` both ends prove who they are, and the service's certificate must name the host of ``address``.
    Raises CertificateProblem when the folder is no good.
    """
    options = [
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.service_config", retry_config(service)),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.max_send_message_length", MAX_MESSAGE),
    ]
    if not tls_dir:
        return grpc.insecure_channel(address, options)
    # Imported here: who calls in plain text, on one machine, does without the libraries of certificates.
    from services.chassis.grpc.certificates import CertificateFolder, Identity
    from services.chassis.grpc.renewing import RenewingChannel

    def secure(identity: Identity) -> grpc.Channel:
        credentials = grpc.ssl_channel_credentials(identity.authority, identity.key, identity.chain)
        # With equal arguments gRPC would give the new channel the old one's connections, old certificate and all.
        return grpc.secure_channel(address, credentials, [*options, ("grpc.use_local_subchannel_pool", 1)])

    return RenewingChannel(CertificateFolder(Path(tls_dir)), secure)


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Identify(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds deadline, token, request id and trace to whatever call passes."""

    def __init__(self, metadata: Callable[[], Mapping[str, str]], deadline_s: float) -> None:
        self._metadata = metadata
        self._deadline_s = deadline_s

    def _with(self, details: Any, span: tracing.Span | None) -> _Details:
        given = list(details.metadata or ())
        names = {name for name, _ in given}
        more = {**_context_metadata(), **self._metadata()}
        if span:
            more["traceparent"] = span.traceparent
        given += [(name, value) for name, value in more.items() if name not in names and value]
        timeout = details.timeout if details.timeout is not None else self._deadline_s
        return _Details(
            details.method,
            timeout,
            given,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )

    def _call(self, continuation: Any, details: Any, request: Any) -> Any:
        """The call itself; traced where traces are asked for, until its last answer is here."""
        if not tracing.configured():
            return continuation(self._with(details, None), request)
        method = details.method.lstrip("/")
        span = tracing.begin(method, "client", context.traceparent())
        span.note(rpc__system="grpc", rpc__method=method)
        call = continuation(self._with(details, span), request)
        call.add_done_callback(lambda done: _end(span, done))
        return call

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._call(continuation, details, request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._call(continuation, details, request)

    def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        return self._call(continuation, details, requests)

    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return self._call(continuation, details, requests)


def _end(span: tracing.Span, call: Any) -> None:
    code = call.code()
    name = code.name if code else "OK"
    span.note(rpc__response__status_code=name)
    span.end(failure="" if name == "OK" else name)


def _context_metadata() -> dict[str, str]:
    return {"x-request-id": context.request_id(), "traceparent": context.traceparent()}


class Clients:
    """Stubs of the other services, one channel per address, made when first asked for.

    ``metadata`` gives the headers of each call, such as the authorization of whoever calls.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        metadata: Callable[[], Mapping[str, str]],
        *,
        tls_dir: str = "",
        deadline_s: float = DEFAULT_DEADLINE_S,
    ) -> None:
        self._addresses = addresses
        self._metadata = metadata
        self._tls_dir = tls_dir
        self._deadline_s = deadline_s
        self._channels: dict[str, tuple[grpc.Channel, grpc.Channel]] = {}
        self._lock = threading.Lock()

    def channel(self, service: str) -> grpc.Channel:
        with self._lock:
            if service not in self._channels:
                if service not in self._addresses:
                    known = ", ".join(sorted(self._addresses))
                    raise KeyError(f"service {service!r} has no address: known are {known}")
                bare = open_channel(service, self._addresses[service], self._tls_dir)
                self._channels[service] = (
                    bare,
                    grpc.intercept_channel(bare, _Identify(self._metadata, self._deadline_s)),
                )
            return self._channels[service][1]

    def stub(self, service: str, stub_type: Callable[[Any], StubT]) -> StubT:
        """A generated stub on the service's channel."""
        return stub_type(self.channel(service))

    def close(self) -> None:
        with self._lock:
            for bare, _ in self._channels.values():
                bare.close()
            self._channels.clear()


class _Translating:
    """``with remote():`` turns a failed call inside into the CoopError the other side raised."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, grpc.RpcError):
            raise from_rpc(error) from error


def remote() -> _Translating:
    """A block of remote calls whose failures arrive as CoopError."""
    return _Translating()
