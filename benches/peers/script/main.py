"""The command line: which systems, which workloads, how often and how long."""

import argparse
import os
import signal
import sys
import tempfile

import idle
import measure
import report
import tree
from systems import SYSTEMS
from workloads import WORKLOADS


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
    files.add_argument("--systems", type=names(SYSTEMS), default=list(SYSTEMS),
                       help="with commas between: " + ", ".join(SYSTEMS))
    files.add_argument("--workloads", type=names(WORKLOADS), default=list(WORKLOADS),
                       help="with commas between: " + ", ".join(WORKLOADS))
    files.add_argument("--rounds", type=int, default=9)
    files.add_argument("--seconds", type=float, default=3, help="of each round")
    files.add_argument("--against", default="nginx", choices=list(SYSTEMS),
                       help="the system that ratios are of")
    files.add_argument("--files", type=int, default=10_000, help="in the tree")
    files.add_argument("--root", help="where the files are made (a new directory in /var/tmp)")
    files.add_argument("--no-strace", action="store_true")

    weigh = kinds.add_parser("idle", help="memory of idle keep-alive connections")
    weigh.add_argument("--connections", type=int, default=10_000)

    for kind in (files, weigh):
        kind.add_argument("--out", default=".", help="where table and plot go")
        kind.add_argument("--server-cpu", type=int, default=0)
        kind.add_argument("--load-cpu", type=int, default=1)
    return parser.parse_args()


def main():
    args = arguments()
    # Ended from outside it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(args.out, exist_ok=True)
    if args.kind == "idle":
        lines = idle.table(args)
        report.write(args.out, "idle.md", "\n".join(lines) + "\n")
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="letterhead-peers-") as scratch:
        root = args.root or os.path.join(scratch, "root")
        tree.make(root, args.files)
        results = measure.run(args, root, scratch)
    text = report.markdown(results, args)
    print(text)
    report.write(args.out, "peers.md", text)
    report.write(args.out, "peers.svg", report.svg(results, args, "rates"))
    report.write(args.out, "peers-cpu.svg", report.svg(results, args, "costs"))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as error:
        sys.exit(f"run.sh: {error}")
