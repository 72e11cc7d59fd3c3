"""Landlock, of Linux 5.13 and later: a process gives up the right to files, for itself and for good.

Unlike an audit hook it also binds code that is no Python, such as ``torch.from_file``, and a process under it cannot
look into the memory of one that is not.  See https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT, _PRCTL_NO_NEW_PRIVILEGES = 444, 445, 446, 38
_READ, _ANY_FILE = 0b1101, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_O_PATH = getattr(os, "O_PATH", 0)


def restrict(readable: Iterable[str], writable: Iterable[str]) -> bool:
    """Leave this process only these files and folders, and no TCP where the kernel knows how; False without Landlock.

    Call it while there is one thread: others keep their rights.
    """
    try:
        system = ctypes.CDLL(None, use_errno=True)
        call = system.syscall
    except (OSError, AttributeError, TypeError):
        return False
    version = call(_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    every = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    # rights over files, over TCP (bind, connect), and what else is scoped (abstract sockets; signals are not: the
    # process may abort itself)
    attribute = struct.pack("QQQ", every, 0b11, 0b01)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = call(_CREATE, attribute, ctypes.c_size_t(len(attribute)), 0)
    if rules < 0:
        return False
    try:
        for paths, rights in ((readable, _READ), (writable, every)):
            for path in paths:
                _allow(call, rules, path, rights & every)
        return bool(system.prctl(_PRCTL_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0 and call(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(call: ctypes._NamedFuncPointer, rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ANY_FILE
    call(_ADD, rules, 1, struct.pack("=Qi", rights, place), 0)
    os.close(place)
