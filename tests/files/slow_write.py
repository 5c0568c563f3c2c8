"""One write() that lasts as long as somebody wants: its second half comes from a page that is missing.

usage: slow_write.py FILE ; prints a line when it has begun, ends it when a line comes in.
"""

import ctypes
import fcntl
import mmap
import os
import struct
import sys
import threading

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.pwrite.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
libc.pwrite.restype = ctypes.c_ssize_t

# userfaultfd: its number, and the commands of its ioctl.
NUMBER = {"x86_64": 323, "aarch64": 282}[os.uname().machine]
API, REGISTER, COPY = 0xC018AA3F, 0xC020AA00, 0xC028AA03

path = sys.argv[1]
length = os.path.getsize(path)
half = length // 2
assert length % (2 * PAGE) == 0, "a whole number of pages twice"
faults = libc.syscall(NUMBER, os.O_CLOEXEC)
if faults < 0:
    sys.exit("userfaultfd: " + os.strerror(ctypes.get_errno()))
fcntl.ioctl(faults, API, struct.pack("QQQ", 0xAA, 0, 0))
source = libc.mmap(None, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
ctypes.memset(source, ord("N"), half)
fcntl.ioctl(faults, REGISTER, struct.pack("QQQQ", source + half, length - half, 1, 0))
rest = libc.mmap(None, half, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
ctypes.memset(rest, ord("N"), half)


def feed():
    os.read(faults, 32)
    print("half", flush=True)
    sys.stdin.readline()
    fcntl.ioctl(faults, COPY, struct.pack("QQQQq", source + half, rest, half, 0, 0))


threading.Thread(target=feed, daemon=True).start()
file = os.open(path, os.O_WRONLY)
done = libc.pwrite(file, source, length, 0)
assert done == length, (done, os.strerror(ctypes.get_errno()))
os.close(file)
print("done", flush=True)
