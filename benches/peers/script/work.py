"""Work that needs no server: heads changed, files published, signatures; each job a process of its own."""

import json
import os
import shutil
import statistics
import subprocess

from measure import Failed, note, turned
from process import counted
from report import row, spread, times

KIB, MIB = 1 << 10, 1 << 20


class Job:
    def __init__(self, title, name, size, counted_by="strace", count=16):
        self.title = title
        self.name = name
        self.size = size
        # Who counts, and over how often.
        self.counted_by = counted_by
        self.count = count
        # Of each round: how often a second, and microseconds of CPU.
        self.rates = []
        self.costs = []
        self.calls = {}


class Group:
    """Jobs that are held against the first of them."""

    def __init__(self, title, jobs, least=None):
        self.title = title
        self.jobs = jobs
        # How many times as often the third one has to be done.
        self.least = least


def heads(title, size, least):
    return Group(title, [
        Job("another file, renamed: nothing checked or locked", "rewrite", size),
        Job("letterhead, another file, renamed (`put`)", "replace", size),
        Job("letterhead, in place (`update`)", "update", size),
        Job("letterhead, in place, io_uring", "update-ring", size),
        Job("letterhead, in place, mapped", "update-mapped", size),
    ], least)


def files(title, size):
    return Group(title, [
        Job("letterhead, pwrite", "create", size),
        # Another way to write is a line here, and one in `work.rs`.
        Job("letterhead, io_uring", "create-ring", size),
        Job("letterhead, mapped", "create-mapped", size),
        Job("another file, renamed: nothing checked or locked", "create-bare", size),
        Job("cacache, which syncs nothing", "create-cacache", size),
    ])


def groups():
    return [
        heads("A new head for 1 MiB", MIB, 4),
        heads("A new head for 16 MiB", 16 * MIB, 30),
        files("New files of 4 KiB, on the disk when it is said", 4 * KIB),
        files("New files of 1 MiB, on the disk when it is said", MIB),
        Group("Signatures alone, 512 bytes", [
            Job(f"{algorithm}, {verb}", f"{verb}-{name}", 0, "callgrind", 4)
            for algorithm, name in (("Ed25519", "ed25519"), ("P-384", "p384"))
            for verb in ("sign", "verify")
        ]),
    ]


def table(args, scratch):
    """Lines of Markdown."""
    lines = []
    for group in groups():
        for number in range(args.rounds):
            for job in turned(group.jobs, number):
                done = work(args, scratch, job, f"{args.seconds / 2}s")
                job.rates.append(done["count"] / done["microseconds"] * 1e6)
                job.costs.append(done["cpu"] / done["count"])
            note(f"{group.title}: round {number + 1} of {args.rounds}")
        for job in group.jobs:
            if not args.no_strace:
                job.calls = calls(args, scratch, job)
        lines += lines_of(group)
    return lines


def work(args, scratch, job, amount, before=()):
    """One run in a directory that is empty."""
    directory = os.path.join(scratch, "work")
    os.makedirs(directory)
    command = ["taskset", "-c", str(args.server_cpu), *before, os.path.join(args.binaries, "work"),
               job.name, directory, str(job.size), amount]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(directory)
    if done.returncode:
        raise Failed(f"{job.name}: {done.stdout}{done.stderr}")
    return {**json.loads(done.stdout), "errors": done.stderr}


def calls(args, scratch, job):
    """System calls by name, or instructions, of one time: twice as many times less as many."""
    def of(count):
        out = os.path.join(scratch, "counted")
        amount = f"{count}x"
        if job.counted_by == "strace":
            work(args, scratch, job, amount, ["strace", "-c", "-f", "-q", "-o", out])
            return counted(out)
        if not shutil.which("valgrind"):
            return {}
        done = work(args, scratch, job, amount,
                    ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"])
        found = [line.split()[-1] for line in done["errors"].splitlines() if "Collected" in line]
        return {"instructions": int(found[0])}

    once, twice = of(job.count), of(2 * job.count)
    found = {name: (many - once.get(name, 0)) / job.count for name, many in twice.items()}
    # The threads and the allocator have a rhythm of their own.
    return {name: many for name, many in found.items() if many >= 0.5}


def lines_of(group):
    signs = group.jobs[0].counted_by != "strace"
    what = "instructions" if signs else "syscalls | which"
    lines = ["", f"### {group.title}", "", f"| | a second | x | us | CPU us | {what} |",
             "|" + "---|" * (6 if signs else 7)]
    first = group.jobs[0]
    for job in group.jobs:
        ratios = [rate / other for rate, other in zip(job.rates, first.rates)]
        found = sorted(job.calls.items(), key=lambda call: -call[1])
        counts = [f"{sum(job.calls.values()):.0f}" if found else ""]
        if not signs:
            counts.append(", ".join(f"{name} {many:.0f}" for name, many in found))
        lines.append(row([
            job.title, spread(job.rates, "{:.0f}"),
            times((statistics.median(ratios), min(ratios), max(ratios))),
            spread([1e6 / rate for rate in job.rates], "{:.0f}"), spread(job.costs, "{:.0f}"),
            *counts,
        ]))
    if group.least:
        lines += ["", f"To reach: {group.least} times, by the third against the first."]
    return lines
