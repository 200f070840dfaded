"""A filter of system calls (seccomp(2)): no connections, no other process's memory, no keys of the kernel's key rings.

It needs no privilege, so it closes the network also where namespaces are forbidden. Connections to this machine are
refused, too: a Docker or ssh-agent socket is a way out as good as any network. CUDA makes a Unix socket when it starts
and never connects it; so that one kind can be made.
"""

import ctypes
import errno
import platform
import struct

from pipelines.export.sandbox.kernel import prctl

__all__ = ["refuse_system_calls"]

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
_AND = 0x54  # BPF_ALU|AND|K
_NUMBER, _ARCHITECTURE, _FAMILY, _KIND = 0, 4, 16, 24  # offsets in struct seccomp_data; the last two are arguments
_UNIX, _STREAM, _PACKETS = 1, 1, 5  # kinds of sockets that reach nobody unless they are connected
_KIND_BITS = 0xF  # the others are flags
_X32_BIT = 0x40000000  # a second set of numbers for the same calls on x86-64; on others no call is as high

_REFUSED = {  # by AUDIT_ARCH of the machine; numbers from the kernel's tables; the first two make sockets
    "x86_64": (
        0xC000003E,
        {
            "socket": 41,
            "socketpair": 53,
            "connect": 42,
            "io_uring_setup": 425,  # opens sockets without the call above
            "ptrace": 101,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "pidfd_getfd": 438,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198,
            "socketpair": 199,
            "connect": 203,
            "io_uring_setup": 425,
            "ptrace": 117,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "pidfd_getfd": 438,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
        },
    ),
}


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refuse_system_calls() -> None:
    """Makes those calls fail with EPERM in this process and in all that it starts, for good.

    Raises:
        OSError: The kernel has no such filters, privileges were not given up before, or the processor is another.
    """
    if platform.machine() not in _REFUSED:
        raise OSError(errno.ENOSYS, f"the numbers of system calls on {platform.machine()} are not known here")
    code = _program(*_REFUSED[platform.machine()])
    program = _Program(len(code) // _INSTRUCTION.size, code)
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))


_INSTRUCTION = struct.Struct("HBBI")  # struct sock_filter: operation, jump if true, jump if false, operand


def _program(architecture: int, calls: dict[str, int]) -> bytes:
    """The filter as instructions. Jumps count the instructions that they skip."""
    socket, pair, *others = calls.values()
    left = len(others)
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),  # 32-bit calls have other numbers, which would not be recognised
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, left + 3, 0, socket),
        (_EQUAL, left + 2, 0, pair),
        (_AT_LEAST, left + 8, 0, _X32_BIT),
        *((_EQUAL, left - place + 7, 0, number) for place, number in enumerate(others)),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FAMILY),
        (_EQUAL, 0, 5, _UNIX),
        (_LOAD, 0, 0, _KIND),
        (_AND, 0, 0, _KIND_BITS),
        (_EQUAL, 1, 0, _STREAM),
        (_EQUAL, 0, 1, _PACKETS),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FAIL),
    ]
    return b"".join(_INSTRUCTION.pack(*each) for each in instructions)
