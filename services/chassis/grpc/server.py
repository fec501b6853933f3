"""The gRPC server: one interceptor that gives each call its identity, checks its access and keeps its faults inside."""

import contextvars
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_status import rpc_status
from sqlalchemy.exc import DBAPIError, OperationalError

from services.chassis import context, disk, tracing
from services.chassis.context import ANONYMOUS, Principal
from services.chassis.errors import CoopError, Invalid, TimedOut, Unauthenticated
from services.chassis.grpc import access
from services.chassis.grpc.sizes import MAX_MESSAGE
from services.chassis.grpc.status import to_status
from services.chassis.grpc.tokens import TokenVerifier
from services.chassis.telemetry import CALL_SECONDS, CALLS, logger

#: More than a day is no deadline. (gRPC says "none" as some hundred years.)
LONGEST_DEADLINE_S = 86_400.0
#: Statuses that count as failures of the service, not of its caller.
_OUR_FAULT = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}


@dataclass(frozen=True)
class ServicerSpec:
    """A servicer, the generated function that adds it, and its descriptor."""

    servicer: Any
    add: Callable[[Any, grpc.Server], None]
    descriptor: ServiceDescriptor


class _Guard(grpc.ServerInterceptor):
    """Outermost to innermost: errors made safe, request and trace ids, authentication, access, deadline, access log."""

    def __init__(self, service: str, policies: dict[str, access.Policy], verifier: TokenVerifier) -> None:
        self._service = service
        self._policies = policies
        self._verifier = verifier

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = continuation(details)
        if handler is None or details.method.startswith("/grpc.health.v1.Health/"):
            return handler
        policy = self._policies.get(details.method)

        def run(call: Callable[[], Any], grpc_context: grpc.ServicerContext, streams: bool) -> Any:
            return _Call(self, details, policy, grpc_context, call, streams)

        def unary(behaviour: Any) -> Any:
            return lambda request, ctx: run(lambda: behaviour(request, ctx), ctx, False).answer()

        def stream(behaviour: Any) -> Any:
            return lambda request, ctx: run(lambda: behaviour(request, ctx), ctx, True).answers()

        wrap: Any
        if handler.request_streaming and handler.response_streaming:
            wrap, behaviour, make = stream, handler.stream_stream, grpc.stream_stream_rpc_method_handler
        elif handler.request_streaming:
            wrap, behaviour, make = unary, handler.stream_unary, grpc.stream_unary_rpc_method_handler
        elif handler.response_streaming:
            wrap, behaviour, make = stream, handler.unary_stream, grpc.unary_stream_rpc_method_handler
        else:
            wrap, behaviour, make = unary, handler.unary_unary, grpc.unary_unary_rpc_method_handler
        return make(
            wrap(behaviour),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def principal(self, metadata: dict[str, str], peer: str) -> Principal:
        """The caller as its token proves it; the address it comes from as the gateway says, or as the socket does."""
        bearer = metadata.get("authorization", "")
        caller = ANONYMOUS
        if bearer:
            if not bearer.startswith("Bearer "):
                raise Unauthenticated("The authorization must be 'Bearer' and a token.", "TOKEN")
            caller = self._verifier.verify(bearer.removeprefix("Bearer "))
        address = _peer_address(peer)
        if metadata.get("x-gateway-authorization"):
            voucher = self._verifier.verify(metadata["x-gateway-authorization"])
            if (voucher.kind, voucher.id) == ("service", "gateway"):
                address = metadata.get("x-client-address", address)
        elif (caller.kind, caller.id) == ("service", "gateway"):
            address = metadata.get("x-client-address", address)
        return Principal(caller.kind, caller.id, caller.session_id, caller.roles, address)


class _Call:
    """One call in flight, in a context of its own."""

    def __init__(
        self,
        guard: _Guard,
        details: grpc.HandlerCallDetails,
        policy: access.Policy | None,
        grpc_context: grpc.ServicerContext,
        call: Callable[[], Any],
        streams: bool,
    ) -> None:
        self._guard = guard
        self._method = details.method
        self._policy = policy
        self._grpc = grpc_context
        self._call = call
        self._metadata = {key: str(value) for key, value in details.invocation_metadata if not key.endswith("-bin")}
        self._streams = streams
        self._context = contextvars.copy_context()
        self._started = time.perf_counter()
        self._span = tracing.begin(self._method.lstrip("/"), "server", self._metadata.get("traceparent", ""))
        self._span.note(rpc__system="grpc", rpc__method=self._method.lstrip("/"))

    def answer(self) -> Any:
        try:
            answer = self._context.run(self._enter_and_call)
        except BaseException as error:
            self._context.run(self._fail, error)
            raise
        self._context.run(self._log, "OK")
        return answer

    def answers(self) -> Iterator[Any]:
        try:
            iterator = iter(self._context.run(self._enter_and_call))
            while True:
                try:
                    answer = self._context.run(next, iterator)
                except StopIteration:
                    break
                yield answer
        except GeneratorExit:
            self._context.run(self._log, "CANCELLED")
            raise
        except BaseException as error:
            self._context.run(self._fail, error)
            raise
        self._context.run(self._log, "OK")

    def _enter_and_call(self) -> Any:
        request_id = self._metadata.get("x-request-id", "")[:64] or secrets.token_hex(8)
        trace = self._span.traceparent
        context.enter(ANONYMOUS, request_id, trace)
        caller = self._guard.principal(self._metadata, self._grpc.peer())
        context.enter(caller, request_id, trace)
        if self._policy is None:
            raise RuntimeError(f"{self._method} has no access policy")
        self._policy.check(caller)
        remaining = self._grpc.time_remaining()
        if remaining is None or remaining > LONGEST_DEADLINE_S:
            raise Invalid(f"{self._method} was called without a deadline: say how long you wait.", "NO_DEADLINE")
        if remaining <= 0:
            raise TimedOut(f"{self._method} was called with its deadline already over: give it more time.")
        return self._call()

    def _fail(self, error: BaseException) -> None:
        """Ends the call with a status the caller may see. An unexpected exception leaves as a bare INTERNAL with the request id."""
        if isinstance(error, CoopError):
            self._log(error.code, reason=error.reason)
            self._grpc.abort_with_status(rpc_status.to_status(to_status(error)))
        if not self._grpc.is_active():
            self._log("CANCELLED")
            return  # the caller has gone: nobody is left to tell
        if self._grpc.code() is not None and not isinstance(error, DBAPIError):
            self._log(str(self._grpc.code()))
            return  # the servicer aborted by itself
        if disk.is_full(error):
            logger().error("disk_full", method=self._method, kind=type(error).__name__)
            full = disk.storage_full()
            self._log(full.code, reason=full.reason)
            self._grpc.abort_with_status(rpc_status.to_status(to_status(full)))
        if isinstance(error, OperationalError):
            logger().error("database_unavailable", method=self._method, kind=type(error.orig).__name__)
            self._log("UNAVAILABLE")
            self._grpc.abort(grpc.StatusCode.UNAVAILABLE, "The database does not answer now: try again in a moment.")
        logger().error("call_failed", method=self._method, exc_info=error)
        self._log("INTERNAL")
        self._grpc.abort(grpc.StatusCode.INTERNAL, f"Something failed on our side (request {context.request_id()}).")

    def _log(self, code: str, **more: str) -> None:
        seconds = time.perf_counter() - self._started
        method = self._method.rpartition("/")[2]
        self._span.note(rpc__response__status_code=code)
        self._span.end(failure="" if code not in _OUR_FAULT else code)
        CALLS.labels(self._guard._service, method, code).inc()
        CALL_SECONDS.labels(self._guard._service, method).observe(seconds)
        logger().info(
            "call",
            method=self._method,
            code=code,
            ms=round(seconds * 1000, 1),
            caller=context.caller().kind,
            **more,
        )


def _peer_address(peer: str) -> str:
    """``ipv4:10.0.0.7:51234`` -> ``10.0.0.7``; ``ipv6:[::1]:51234`` -> ``::1``."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer
    return rest.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]").strip("[]")


def build_server(
    service: str,
    specs: list[ServicerSpec],
    verifier: TokenVerifier,
    *,
    workers: int = 8,
    extra: Callable[[grpc.Server], None] | None = None,
) -> grpc.Server:
    """A server with every servicer added, not yet bound. Raises UndeclaredAccess when a proto forgets to say who may call."""
    found: dict[str, access.Policy] = {}
    for spec in specs:
        found |= access.policies(spec.descriptor)
    server = grpc.server(
        ThreadPoolExecutor(max_workers=workers, thread_name_prefix="grpc"),
        interceptors=[_Guard(service, found, verifier)],
        maximum_concurrent_rpcs=workers * 32,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_permit_without_calls", 1),
            # A connection is made anew now and then, when its calls are through: callers find replicas that were
            # added, and prove themselves with the certificate they have now.
            ("grpc.max_connection_age_ms", 120_000),
        ],
    )
    for spec in specs:
        spec.add(spec.servicer, server)
    if extra:
        extra(server)
    return server


def bind(server: grpc.Server, address: str, tls_dir: str = "") -> int:
    """Binds and gives the port. Raises OSError with a sentence when the address is taken, CertificateProblem when
    ``tls_dir`` is no good.

    With ``tls_dir``, callers must have a certificate of our authority; new files count from the next connection on.
    """
    try:
        if tls_dir:
            port = server.add_secure_port(address, _credentials(tls_dir))
        else:
            port = server.add_insecure_port(address)
    except RuntimeError as taken:
        raise OSError(f"{address} is taken by another program: stop it or choose another address.") from taken
    if port == 0:
        raise OSError(f"{address} is taken by another program: stop it or choose another address.")
    return port


def _credentials(tls_dir: str) -> grpc.ServerCredentials:
    from services.chassis.grpc.certificates import CertificateFolder, Identity

    folder = CertificateFolder(Path(tls_dir))
    used = folder.current()

    def configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(identity.key, identity.chain)], root_certificates=identity.authority
        )

    def changed() -> grpc.ServerCertificateConfiguration | None:
        """Asked at every new connection; None goes on as before."""
        nonlocal used
        identity = folder.current()
        if identity is used:
            return None
        used = identity
        return configuration(identity)

    return grpc.dynamic_ssl_server_credentials(configuration(used), changed, require_client_authentication=True)
