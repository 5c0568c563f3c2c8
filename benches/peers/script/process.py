"""Processes that the bench starts, and what the kernel counted for them."""

import os
import signal
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


class Process:
    """A server, pinned to one core; it is ended by its id."""

    def __init__(self, command, cpu, port=None, env=None):
        out = None if port else subprocess.PIPE
        self.child = subprocess.Popen(["taskset", "-c", str(cpu), *command], stdout=out,
                                      stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                      env={**os.environ, **(env or {})}, text=True)
        self.pid = self.child.pid
        self.port = port or self.announced()

    def announced(self):
        line = self.child.stdout.readline()
        if not line.startswith("listening on "):
            self.end()
            raise RuntimeError(f"{self.child.args}: wanted its address, found {line!r}")
        return int(line.rsplit(":", 1)[1])

    def wait_for_port(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.child.poll() is not None:
                    self.end()
                    raise RuntimeError(f"{self.child.args} does not listen") from None
                time.sleep(0.02)

    def cpu(self):
        """Seconds of CPU that all its threads have had."""
        fields = self.proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """KiB that are resident."""
        for line in self.proc("status").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def proc(self, name):
        with open(f"/proc/{self.pid}/{name}", encoding="ascii", errors="replace") as file:
            return file.read()

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()


class Trace:
    """strace counts the system calls of a process until it is ended."""

    def __init__(self, pid, path):
        self.path = path
        self.child = subprocess.Popen(
            ["strace", "-c", "-f", "-q", "-o", path, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # It is there when the kernel says so.
        deadline = time.monotonic() + 5
        while "TracerPid:\t0" in status(pid) and time.monotonic() < deadline:
            time.sleep(0.01)

    def calls(self):
        self.child.send_signal(signal.SIGINT)
        self.child.wait()
        return sum(counted(self.path).values())


def counted(path):
    """The calls in a table of `strace -c`, by name."""
    calls = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            # The fourth column, whether or not there were errors.
            if len(fields) > 4 and fields[3].isdecimal() and fields[-1] != "total":
                calls[fields[-1]] = int(fields[3])
    return calls


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return file.read()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
