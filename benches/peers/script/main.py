"""The command line: which systems, which workloads, how often and how long."""

import argparse
import os
import signal
import sys
import tempfile

import bars
import disk
import idle
import measure
import report
import stored
import tree
import work
from systems import SYSTEMS
from workloads import WORKLOADS


QUICK_SYSTEMS = ["letterhead", "letterhead-watched", "letterhead-zero", "nginx", "nginx-copy",
                 "servedir", "sws", "letterhead-tls", "nginx-h2c", "nginx-h2c-copy", "nginx-tls",
                 "nginx-tls-copy", "example", "nginx-log", "nginx-log-copy"]
QUICK_WORKLOADS = ["1k", "tree", "100k", "1m", "log"] + [
    f"{speaks}-{size}" for speaks in ("h2c", "tls-h1", "tls-h2") for size in ("1k", "16k", "100k", "1m")]
PARTS = {"send": stored.table, "work": work.table}


def names(known):
    def parse(text):
        wanted = list(known) if text == "all" else text.split(",")
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return wanted

    return parse


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", required=True, help=argparse.SUPPRESS)
    kinds = parser.add_subparsers(dest="kind", required=True)

    files = kinds.add_parser("files", help="requests a second, CPU, system calls, memory")
    everything = kinds.add_parser("all", help="files and idle, and whether what was to be reached is")
    for kind in (files, everything):
        kind.add_argument("--systems", type=names(SYSTEMS), default=list(SYSTEMS),
                          help="with commas between: " + ", ".join(SYSTEMS))
        kind.add_argument("--workloads", type=names(WORKLOADS), default=list(WORKLOADS),
                          help="with commas between: " + ", ".join(WORKLOADS))
        kind.add_argument("--against", default="nginx", choices=list(SYSTEMS),
                          help="the system that ratios are of")
        kind.add_argument("--plot", type=names(WORKLOADS), default=["1k", "tree", "100k", "1m"],
                          help="the workloads that are plotted, if they were measured")
        kind.add_argument("--files", type=int, default=10_000, help="in the tree")
        kind.add_argument("--root", help="where the files are made (a new directory in /var/tmp)")
        kind.add_argument("--counts", help="a file with what instructions.sh printed")
        kind.add_argument("--quick", action="store_true",
                          help="five minutes: some systems and workloads, 3 rounds of 1 s")
        kind.set_defaults(known=SYSTEMS)

    store = kinds.add_parser("store", help="stored heads: sent, changed, published, signed")
    store.add_argument("--parts", type=names(PARTS), default=list(PARTS),
                       help="with commas between: " + ", ".join(PARTS))
    store.add_argument("--systems", type=names(stored.STORED), default=list(stored.STORED),
                       help="those that send, with commas between: " + ", ".join(stored.STORED))
    store.add_argument("--dir", default="/var/tmp", help="where the files are made")
    store.set_defaults(known=stored.STORED, against="plain", workloads=stored.WORKLOADS)

    for kind, seconds in ((files, 3), (everything, 1), (store, 1)):
        kind.add_argument("--rounds", type=int, default=9)
        kind.add_argument("--seconds", type=float, default=seconds, help="of each round")
        kind.add_argument("--no-strace", action="store_true")

    weigh = kinds.add_parser("idle", help="memory of connections that wait")
    for kind in (weigh, everything):
        kind.add_argument("--connections", type=int, default=10_000)

    for kind in (files, everything, store, weigh):
        kind.add_argument("--out", default=".", help="where table and plot go")
        kind.add_argument("--server-cpu", type=int, default=0)
        kind.add_argument("--load-cpu", type=int, default=1)
    args = parser.parse_args()
    if getattr(args, "quick", False):
        args.systems, args.workloads = QUICK_SYSTEMS, QUICK_WORKLOADS
        args.rounds, args.seconds, args.no_strace, args.connections = 3, 1, True, 2000
    return args


def stored_heads(args, scratch, filesystem):
    pinned = f"server and work on one core, load (wrk) on another; files on {filesystem}"
    programs = report.version("nginx", "-v")
    lines = [report.how(args, pinned), "",
             report.where(programs, ("cacache", "ed25519-dalek", "hyper", "p384"))]
    for part in args.parts:
        lines += PARTS[part](args, scratch)
    return "\n".join(lines) + "\n"


def main():
    args = arguments()
    # Ended from outside it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(args.out, exist_ok=True)
    if args.kind == "idle":
        lines, _ = idle.table(args)
        report.write(args.out, "idle.md", "\n".join(lines) + "\n")
        return
    if args.kind == "store":
        with disk.ext4(args.dir) as (scratch, filesystem):
            text = stored_heads(args, scratch, filesystem)
        print(text)
        report.write(args.out, "store.md", text)
        return
    files(args)


def files(args):
    """The races, what idle connections weigh if that is asked for, and what was to be reached."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="letterhead-peers-") as scratch:
        root = args.root or os.path.join(scratch, "root")
        tree.make(root, args.files)
        results = measure.run(args, root, scratch)
    text = report.markdown(results, args)
    # What follows takes its time, too.
    report.write(args.out, "peers.md", text)
    lines, weights = idle.table(args) if args.kind == "all" else ([], {})
    counts = ""
    if args.counts:
        with open(args.counts, encoding="utf-8") as file:
            counts = file.read()
    reached = bars.table(results, weights, counts)
    text += "\n".join(["", *lines, *reached]) + "\n"
    print(text)
    report.write(args.out, "peers.md", text)
    plotted = {name: results[name] for name in args.plot if name in results}
    # Against which system HTTP/1 is plotted can be chosen; the others have no such one.
    plots = {"peers": (plotted, args.against), "peers-h2-tls": (
        {name: found for name, found in results.items() if WORKLOADS[name].speaks != "h1"}, None)}
    for name, (shown, against) in plots.items():
        if shown:
            report.write(args.out, f"{name}.svg", report.svg(shown, args, "rates", against))
            report.write(args.out, f"{name}-cpu.svg", report.svg(shown, args, "costs", against))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as error:
        sys.exit(f"run.sh: {error}")
