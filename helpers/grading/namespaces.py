"""Namespaces, of Linux: a process that sees no other one, no network, and mounts of its own; no privilege is needed.

See https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

_NEW = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_CLONE = {"x86_64": 56, "aarch64": 220}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_SIGCHLD = 17
_SIGNALLED = 192
"""Added to the number of the signal that ended a child."""
MACHINE = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version")
"""What libraries read in /proc to know the machine; torch computes no half precision without the first."""
_MOUNT_SETATTR, _HERE, _RECURSIVE, _READ_ONLY = 442, -100, 0x8000, 1
_PRIVATE, _SAFE = 1 << 18, 2 | 4 | 8
"""MS_PRIVATE; MS_NOSUID, MS_NODEV and MS_NOEXEC."""
_DROP_BOUNDING, _LAST_CAPABILITY = 24, 63
_CAPABILITIES = 0x20080522
"""Version 3 of what capset takes."""


def fork() -> int:
    """As ``os.fork``; the child has namespaces of its own.

    What is returned is the number of the first process there, which only waits: with it everything ends that the child
    has started.  :func:`ending` reads its exit code.  Call it while there is one thread.  Raises OSError where the
    kernel does not let it.
    """
    user, group = os.getuid(), os.getgid()
    system = ctypes.PyDLL(None, use_errno=True)
    ctypes.pythonapi.PyOS_BeforeFork()
    number = _CLONE[os.uname().machine]
    child = int(system.syscall(number, ctypes.c_ulong(_NEW | _SIGCHLD), None, None, None, None))
    if child:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
        _done(min(child, 0), "clone")
        return child
    try:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        _map(user, group)
        if inner := os.fork():  # the first process of a namespace gets no signals of its own: it does not run code
            _wait(inner)
    except BaseException:
        os._exit(1)  # never two of the caller
    return 0


def _wait(inner: int) -> NoReturn:
    """End when ``inner`` does, and as it did."""
    os.closerange(0, 1 << 16)
    while True:
        ended, status = os.wait()
        if ended == inner:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else _SIGNALLED - code)


def ending(code: int) -> int:
    """The exit code, or minus the number of the signal, of the child, from that of the first process.

    >>> ending(3), ending(192 + 11), ending(-9)
    (3, -11, -9)
    """
    return _SIGNALLED - code if code > _SIGNALLED else code


def work() -> bool:
    """Whether the kernel lets a process have all this: tried with one that ends at once."""
    if sys.platform != "linux" or os.uname().machine not in _CLONE:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        try:
            child = fork()
        except OSError:
            return False
        if not child:
            try:
                settle(scratch, 1 << 20)
            except BaseException:
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _map(user: int, group: int) -> None:
    """Be the same user as before, inside."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        place = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(place, text.encode())
        os.close(place)


def settle(scratch: str, size: int) -> None:
    """Leave nothing to change but a new file system of ``size`` bytes at ``scratch``; give up capabilities.

    Of /proc only MACHINE is left.  Raises OSError where the kernel does not let it.
    """
    system = ctypes.CDLL(None, use_errno=True)
    about = {name: Path(f"/proc/{name}").read_bytes() for name in MACHINE}
    everything = struct.pack("QQQQ", _READ_ONLY, 0, _PRIVATE, 0)
    result = system.syscall(_MOUNT_SETATTR, _HERE, b"/", _RECURSIVE, everything, ctypes.c_size_t(len(everything)))
    _done(result, "/")
    for place, limit in ((scratch, size), ("/proc", 16 << 20)):
        options = f"size={limit},mode=0700".encode()
        _done(system.mount(b"tmpfs", place.encode(), b"tmpfs", ctypes.c_ulong(_SAFE), options), place)
    for name, text in about.items():
        Path(f"/proc/{name}").write_bytes(text)
    for capability in range(_LAST_CAPABILITY):
        system.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    none = struct.pack("6I", *[0] * 6)
    _done(system.syscall(_CAPSET[os.uname().machine], struct.pack("Ii", _CAPABILITIES, 0), none), "capset")


def _done(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
