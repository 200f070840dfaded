"""From an error to a gRPC status: the one table, and the details that go with it.

The message of a status is what Riva's clients know. The remedy travels as `google.rpc.ErrorInfo` and
`google.rpc.Help` in `grpc-status-details-bin` (the richer error model, https://grpc.io/docs/guides/error/), where
tools find it and old clients do not trip.
"""

import re

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from pipelines.server import errors

__all__ = ["internal", "status_code", "trailing_metadata"]

DOMAIN = "riva"  # the ErrorInfo domain: whose error this is
DETAILS_KEY = "grpc-status-details-bin"

# The nearest class in an error's ancestry decides.
_CODES: dict[type[Exception], grpc.StatusCode] = {
    errors.RequestRejected: grpc.StatusCode.INVALID_ARGUMENT,
    errors.TooManyCalls: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StreamIdle: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.InferenceFailed: grpc.StatusCode.UNKNOWN,
    errors.CallError: grpc.StatusCode.INTERNAL,
}


def status_code(error: errors.CallError) -> grpc.StatusCode:
    """The gRPC status code that an error ends a call with."""
    return next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)


def internal(request_id: str) -> errors.CallError:
    """What a client sees of a fault of this program: an id to ask about, never a traceback."""
    return errors.CallError(
        f"Error: internal error, request id {request_id}", "The server's log has the traceback under this request id."
    )


def trailing_metadata(error: errors.CallError) -> tuple[tuple[str, bytes], ...]:
    """The remedy of an error as rich error details."""
    code = status_code(error).value[0]
    status = status_pb2.Status(code=code, message=error.message)
    reason = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).upper()  # ConfigMissing -> CONFIG_MISSING
    details = [error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)]
    if error.remedy:
        details.append(error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=error.remedy)]))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return ((DETAILS_KEY, status.SerializeToString()),)
