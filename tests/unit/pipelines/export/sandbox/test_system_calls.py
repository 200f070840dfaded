"""The filter of system calls, run by a small model of the kernel's machine."""

import struct

import pytest

from pipelines.export.sandbox import system_calls

ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050001, 0x80000000


def verdict(machine: str, *, number: int, architecture: int) -> int:
    """What the filter returns for a call, by classic BPF's rules."""
    program = list(struct.iter_unpack("HBBI", system_calls._program(*system_calls._REFUSED[machine])))
    data, accumulator, at = {0: number, 4: architecture}, 0, 0
    while True:
        code, yes, no, operand = program[at]
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            accumulator, jump = data[operand], 0
        else:
            assert code in (0x15, 0x35)
            jump = yes if (accumulator == operand if code == 0x15 else accumulator >= operand) else no
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


def test_the_second_set_of_numbers_is_closed() -> None:
    """On x86-64 every call has a second number with bit 30 set (x32)."""
    architecture, calls = system_calls._REFUSED["x86_64"]

    assert verdict("x86_64", number=calls["socket"] | 1 << 30, architecture=architecture) == FAIL


def test_an_unknown_processor_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of system calls differ between processors; none are guessed."""
    monkeypatch.setattr(system_calls.platform, "machine", lambda: "riscv64")

    with pytest.raises(OSError, match="riscv64 are not known here"):
        system_calls.refuse_system_calls()
