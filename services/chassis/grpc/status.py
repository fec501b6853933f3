"""Errors across the wire, both ways: ``CoopError`` to ``google.rpc.Status`` with ErrorInfo and BadRequest, and back."""

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from services.chassis.errors import BY_CODE, CoopError, Internal, Invalid, StorageFull, Unavailable, Violation

DOMAIN = "acometida"
#: Said by no servicer of ours: the connection or the server ended under the call.
_NOT_THROUGH = (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)


def to_status(error: CoopError) -> Status:
    """The rich status of an expected failure."""
    status = Status(code=Code.Value(error.code), message=error.message)
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    detail = AnyMessage()
    detail.Pack(info)
    status.details.append(detail)
    if error.violations:
        bad = BadRequest(
            field_violations=[
                BadRequest.FieldViolation(field=found.field, description=found.description)
                for found in error.violations
            ]
        )
        detail = AnyMessage()
        detail.Pack(bad)
        status.details.append(detail)
    return status


def from_rpc(error: grpc.RpcError) -> CoopError:
    """What a failed call means, as the error the other side raised; a bare status becomes its class with the status' text."""
    code: grpc.StatusCode = error.code()  # type: ignore[attr-defined]
    kind = Unavailable if code in _NOT_THROUGH else BY_CODE.get(code.name, Internal)
    message = error.details() or code.name  # type: ignore[attr-defined]
    reason = ""
    metadata: dict[str, str] = {}
    violations: list[Violation] = []
    status = rpc_status.from_call(error) if isinstance(error, grpc.Call) else None
    for detail in status.details if status else ():
        info, bad = ErrorInfo(), BadRequest()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations = [Violation(found.field, found.description) for found in bad.field_violations]
    if reason == StorageFull.default_reason:
        kind = StorageFull  # of two kinds with one code
    made = kind(message, reason)
    made.metadata = metadata
    made.violations = violations
    if isinstance(made, Invalid):
        return made
    if "retry_after_s" in metadata and hasattr(made, "retry_after_s"):
        made.retry_after_s = int(metadata["retry_after_s"])
    return made
