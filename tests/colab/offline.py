"""Run Python with these arguments in a network namespace that has nothing but itself: unshare -n python offline.py …"""

import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x41

with socket.socket() as any_socket:  # a kernel talks to its front end over 127.0.0.1
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
