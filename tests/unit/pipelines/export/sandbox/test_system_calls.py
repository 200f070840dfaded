"""The filter of system calls, run by a small model of the kernel's machine."""

import socket
import struct

import pytest

from pipelines.export.sandbox import system_calls

ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050001, 0x80000000


def verdict(machine: str, *, number: int, architecture: int, family: int = 0, kind: int = 0) -> int:
    """What the filter returns for a call, by classic BPF's rules."""
    program = list(struct.iter_unpack("HBBI", system_calls._program(*system_calls._REFUSED[machine])))
    data, accumulator, at = {0: number, 4: architecture, 16: family, 24: kind}, 0, 0
    while True:
        code, yes, no, operand = program[at]
        jump = 0
        match code:
            case 0x06:
                return int(operand)
            case 0x20:
                accumulator = data[operand]
            case 0x54:
                accumulator &= operand
            case 0x15:
                jump = yes if accumulator == operand else no
            case 0x35:
                jump = yes if accumulator >= operand else no
        at += 1 + jump


@pytest.mark.parametrize("machine", system_calls._REFUSED)
def test_listed_calls_fail_and_others_pass(machine: str) -> None:
    """Every listed call fails, its neighbours do not; calls of another processor's set end the process."""
    architecture, calls = system_calls._REFUSED[machine]
    listed = set(calls.values())

    assert {verdict(machine, number=number, architecture=architecture) for number in listed} == {FAIL}
    others = set(range(450)) - listed
    assert {verdict(machine, number=number, architecture=architecture) for number in others} == {ALLOW}
    assert verdict(machine, number=0, architecture=0x40000003) == KILL


@pytest.mark.parametrize(
    ("family", "kind", "expected"),
    [
        (socket.AF_UNIX, socket.SOCK_STREAM, ALLOW),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, ALLOW),
        (socket.AF_UNIX, socket.SOCK_DGRAM, FAIL),  # reaches others without being connected
        (socket.AF_INET, socket.SOCK_STREAM, FAIL),
        (socket.AF_INET6, socket.SOCK_DGRAM, FAIL),
        (socket.AF_NETLINK, socket.SOCK_RAW, FAIL),
        (socket.AF_VSOCK, socket.SOCK_STREAM, FAIL),
    ],
    ids=str,
)
@pytest.mark.parametrize("call", ["socket", "socketpair"])
@pytest.mark.parametrize("machine", system_calls._REFUSED)
def test_only_sockets_that_reach_nobody_are_made(
    machine: str, call: str, family: int, kind: int, expected: int
) -> None:
    """A Unix socket that must be connected first is harmless, since connecting fails; every other one is refused."""
    architecture, calls = system_calls._REFUSED[machine]

    assert verdict(machine, number=calls[call], architecture=architecture, family=family, kind=kind) == expected


def test_the_second_set_of_numbers_is_closed() -> None:
    """On x86-64 every call has a second number with bit 30 set (x32)."""
    architecture, calls = system_calls._REFUSED["x86_64"]

    assert verdict("x86_64", number=calls["connect"] | 1 << 30, architecture=architecture) == FAIL


def test_an_unknown_processor_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of system calls differ between processors; none are guessed."""
    monkeypatch.setattr(system_calls.platform, "machine", lambda: "riscv64")

    with pytest.raises(OSError, match="riscv64 are not known here"):
        system_calls.refuse_system_calls()
