"""A filter of system calls (seccomp(2)): no sockets, no other process's memory, no keys of the kernel's key rings.

It needs no privilege, so it closes the network also where namespaces are forbidden. Sockets of every family are
refused, those of this machine too: a Docker or ssh-agent socket is a way out as good as any network.
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
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_X32_BIT = 0x40000000  # a second set of numbers for the same calls on x86-64; on others no call is as high

_REFUSED = {  # by AUDIT_ARCH of the machine; numbers from the kernel's tables of system calls
    "x86_64": (
        0xC000003E,
        {
            "socket": 41,
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
    """The filter as instructions. Jumps count what they skip; all of them lead to the last two instructions."""
    numbers = list(calls.values())
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),  # 32-bit calls have other numbers, which would not be recognised
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, len(numbers) + 1, 0, _X32_BIT),
        *((_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FAIL),
    ]
    return b"".join(_INSTRUCTION.pack(*each) for each in instructions)
