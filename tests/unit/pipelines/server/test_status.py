"""Every error of a call has one status, and no leaf is forgotten in the table."""

from collections.abc import Iterator

import grpc
import pytest

from pipelines.server import errors, status

LEAVES = {
    errors.UnavailableModel({"type": "online"}, []): grpc.StatusCode.INVALID_ARGUMENT,
    errors.UnknownModel("foo", []): grpc.StatusCode.INVALID_ARGUMENT,
    errors.TooMuchText(5, 4): grpc.StatusCode.INVALID_ARGUMENT,
    errors.ConfigMissing("send it"): grpc.StatusCode.INVALID_ARGUMENT,
    errors.ConfigRepeated(): grpc.StatusCode.INVALID_ARGUMENT,
    errors.FormatMismatch(what="encoding", declared="FLAC", found="MULAW"): grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidFormat("what"): grpc.StatusCode.INVALID_ARGUMENT,
    errors.ChannelCount(2): grpc.StatusCode.INVALID_ARGUMENT,
    errors.BitsPerSample(24): grpc.StatusCode.INVALID_ARGUMENT,
    errors.SeparateRecognition(): grpc.StatusCode.INVALID_ARGUMENT,
    errors.OutOfRange("x"): grpc.StatusCode.INVALID_ARGUMENT,
    errors.UnsupportedOption("Error: x", "y"): grpc.StatusCode.INVALID_ARGUMENT,
    errors.TooManyCalls("Error: x", "y"): grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StreamIdle(600): grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.InferenceFailed("broken"): grpc.StatusCode.UNKNOWN,
    status.internal("an-id"): grpc.StatusCode.INTERNAL,
}


def descendants(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: type(error).__name__)
def test_status_message_and_remedy(error: errors.CallError) -> None:
    """The code is the table's, the message Riva's, and there is always something to do next."""
    assert status.status_code(error) is LEAVES[error]
    assert error.message.startswith("Error: ")
    assert error.remedy
    ((key, value),) = status.trailing_metadata(error)
    assert key == "grpc-status-details-bin"
    assert error.remedy.encode() in value


def test_no_leaf_is_forgotten() -> None:
    """A new error without a line in this test's table is noticed."""
    leaves = {kind for kind in descendants(errors.CallError) if not kind.__subclasses__()}

    assert leaves == {type(error) for error in LEAVES} - {errors.CallError}


def test_the_reason_is_readable_by_machines() -> None:
    """ErrorInfo.reason is the error's name, as Google's guide spells reasons."""
    ((_, value),) = status.trailing_metadata(errors.ConfigMissing("x"))

    assert b"CONFIG_MISSING" in value
