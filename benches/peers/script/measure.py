"""The rounds: bytes checked first, then every system in turn, again and again."""

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import time

from process import Trace
from workloads import WORKLOADS

# How curl and h2load speak what wrk does not, and the version that curl has to find.
SPOKEN = {
    "h2c": ("http", ["--http2-prior-knowledge"], [], "2"),
    "tls-h1": ("https", ["--http1.1"], ["--h1"], "1.1"),
    "tls-h2": ("https", ["--http2"], [], "2"),
}
HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(Exception):
    """A server answered what it should not have."""


class Result:
    """What the rounds of one system gave for one workload."""

    def __init__(self):
        self.rates = []
        # Microseconds of CPU for each request.
        self.costs = []
        self.calls = None
        self.memory = 0


def run(args, root, scratch):
    """Results by workload and system."""
    running = {}
    try:
        for name in args.systems:
            running[name] = args.known[name].start(args, root, scratch)
        return {name: rounds(args, root, scratch, running, name) for name in args.workloads}
    finally:
        for process in running.values():
            process.end()


def rounds(args, root, scratch, running, name):
    workload = WORKLOADS[name]
    able = [system for system in running
            if workload.needs in args.known[system].knows]
    fields = {system: checked(root, running[system], workload, system) for system in able}
    results = {system: Result() for system in able}
    for system in able:
        warmed(args, root, running[system], workload, fields[system])
    for number in range(args.rounds):
        for system in turned(able, number):
            process, result = running[system], results[system]
            before = process.cpu()
            counted = load(args, root, process, workload, fields[system], number, args.seconds)
            spent = process.cpu() - before
            result.rates.append(counted["requests"] / counted["microseconds"] * 1e6)
            result.costs.append(spent / counted["requests"] * 1e6)
            result.memory = max(result.memory, process.memory())
        note(f"{workload.title}: round {number + 1} of {args.rounds}")
    for system in able:
        if not args.no_strace:
            results[system].calls = traced(args, root, scratch, running[system], workload,
                                           fields[system])
        # Under load it still sends what it should.
        checked(root, running[system], workload, system)
    return results


def warmed(args, root, process, workload, fields):
    """A first load that does not count; one that comes to nothing is tried once more."""
    try:
        load(args, root, process, workload, fields, 0, 0.3)
    except Failed as error:
        note(f"{workload.title}: {error}")
        load(args, root, process, workload, fields, 0, 1)


def turned(names, number):
    """Each round begins with another one, so that none is always first."""
    first = number % len(names) if names else 0
    return names[first:] + names[:first]


def checked(root, process, workload, system):
    """Compares what comes with what should; gives the fields that the load has to send."""
    fields = dict(workload.fields)
    if workload.status == 304:
        # Both, as browsers do; some servers know only the second.
        _, head, _ = fetch(process.port, workload.path, {}, workload.speaks)
        for name, known in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
            if known in head:
                fields[name] = head[known]
    for path in workload.paths(root):
        status, head, body = fetch(process.port, path, fields, workload.speaks)
        wanted = workload.expected(root, path)
        found = hashlib.sha256(body).hexdigest()
        if status != workload.status or found != hashlib.sha256(wanted).hexdigest():
            raise Failed(f"{system}, {workload.title}, {path}: wanted {workload.status} and "
                         f"{len(wanted)} bytes, found {status} and {len(body)} bytes"
                         + ("" if len(body) != len(wanted) else " that are others"))
        if workload.coded and head.get("content-encoding") != "gzip":
            raise Failed(f"{system}, {path}: wanted gzip, found no such field")
    return fields


def fetch(port, path, fields, speaks):
    if speaks in SPOKEN:
        return curled(port, path, speaks)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        # Nothing is added: wrk sends no more than this either.
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        head = {name.lower(): value for name, value in response.getheaders()}
        return response.status, head, response.read()
    finally:
        connection.close()


def curled(port, path, speaks):
    """What curl gets by this version; it speaks no other one."""
    scheme, flags, _, wanted = SPOKEN[speaks]
    done = subprocess.run(["curl", "-sk", *flags, "-w", "\n%{http_version} %{http_code}",
                           f"{scheme}://127.0.0.1:{port}{path}"], capture_output=True, check=False)
    body, _, last = done.stdout.rpartition(b"\n")
    version, _, status = last.decode().partition(" ")
    if version != wanted:
        raise Failed(f"curl {' '.join(flags)}, {path}: wanted HTTP/{wanted}, found HTTP/{version}")
    return int(status), {}, body


def h2load(args, process, workload, seconds):
    """One run of h2load; what it counted. Its windows are as large as can be."""
    scheme, _, flags, _ = SPOKEN[workload.speaks]
    command = ["taskset", "-c", str(args.load_cpu), "h2load", "-t1", f"-c{workload.connections}",
               f"-m{workload.streams}", f"-D{max(1, round(seconds))}", *flags,
               f"{scheme}://127.0.0.1:{process.port}{workload.path}"]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"finished in ([\d.]+)(m?s), ([\d.]+) req/s", output.stdout)
    counts = re.search(r"(\d+) done, (\d+) succeeded", output.stdout)
    if not rate or not counts or int(counts[1]) != int(counts[2]) or not int(counts[1]):
        raise Failed(f"{' '.join(command)}: {output.stdout}{output.stderr}")
    done = int(counts[1])
    return {"requests": done, "microseconds": done / float(rate[3]) * 1e6}


def load(args, root, process, workload, fields, seed, seconds):
    """One run of wrk, or of h2load; what it counted."""
    if workload.speaks in SPOKEN:
        return h2load(args, process, workload, seconds)
    target = workload.path or f"tree {len(os.listdir(os.path.join(root, 'tree')))}"
    extra = [word for pair in fields.items() for word in pair]
    # wrk takes whole seconds; a shorter or broken time is ended by a signal.
    command = ["taskset", "-c", str(args.load_cpu), "wrk", "-t1", f"-c{workload.connections}",
               f"-d{max(1, round(seconds))}s", "-s", os.path.join(HERE, "load.lua"),
               f"http://127.0.0.1:{process.port}", "--", str(seed), target, *extra]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in output.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise Failed(f"wrk: {output.stdout}{output.stderr}")
    counted = json.loads(lines[-1])
    if workload.large:
        # So few are finished in a round that the unfinished ones count, too.
        counted["requests"] = counted["bytes"] / workload.large
    if counted["errors"] or not counted["requests"]:
        raise Failed(f"{process.child.args[3:]}: {counted}")
    return counted


def traced(args, root, scratch, process, workload, fields):
    """System calls for each request, over a short round."""
    trace = Trace(process.pid, os.path.join(scratch, "strace"))
    try:
        counted = load(args, root, process, workload, fields, 0, 1)
    finally:
        calls = trace.calls()
    return calls / counted["requests"]


def note(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{time.strftime('%H:%M:%S')} {text}\033[K")
        sys.stderr.flush()
    else:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
