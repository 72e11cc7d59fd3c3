"""No sockets: a filter of Linux (seccomp) through which a process can make none, for itself and for good.

Without a network there is still what listens at a path of this machine.  See
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_PRCTL_SECCOMP, _FILTER, _PRCTL_NO_NEW_PRIVILEGES = 22, 2, 38
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""Of each machine the number that the kernel has for it, and that of the call ``socket``."""
_IO_URING_SETUP, _FOREIGN = 425, 0x40000000
"""A call that leads around a filter; the first number of calls in x86's other numbering."""
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES


def forbid() -> bool:
    """Let this thread, and all that it starts, make no socket; pairs that are connected stay.  False where unknown."""
    if not hasattr(os, "uname") or os.uname().sysname != "Linux" or os.uname().machine not in _MACHINES:
        return False
    machine, call = _MACHINES[os.uname().machine]
    steps = [
        (_LOAD, 0, 0, 4),  # the machine, then the number of the call; a jump counts the steps that it leaves out
        (_EQUAL, 0, 5, machine),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 3, 0, _FOREIGN),
        (_EQUAL, 2, 0, call),
        (_EQUAL, 1, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return not prctl(_PRCTL_NO_NEW_PRIVILEGES, 1, 0, 0, 0) and not prctl(_PRCTL_SECCOMP, _FILTER, program, 0, 0)
