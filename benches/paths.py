#!/usr/bin/env python3
"""Which functions and files of `src` one request enters, unoptimised, by callgrind.

    benches/paths.py [--list CASE]

A function counts if a longer run spends more instructions in it than a short one; closures, poll functions of `async`
blocks and instances for other types count as the function that they stand in.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

CASES = {
    "write": "Head::insert in a handler, to the end of the response",
    "kept-file": "a file of 1 KiB from memory",
    "long-file": "a file of 1 MiB from the disk",
}
FEW, MANY = 20, 40
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def built():
    """The path of the bench, built without optimisation."""
    out = subprocess.run(["cargo", "build", "--locked", "--bench", "paths", "--message-format=json"],
                         cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in out.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "paths":
            return message["executable"]
    return sys.exit("wanted the bench paths, found nothing built")


def costs(bench, case, times):
    """Instructions by (file, function), of the crate's own code."""
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={file.name}", bench, case, str(times)],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with open(file.name, encoding="utf-8") as lines:
            return parsed(lines)


def parsed(lines):
    """Sums up callgrind's format: `fl=` and `fn=` name a place once and abbreviate it later; behind `calls=` stands a
    line with what was called, which is no cost of the caller's own."""
    names, place, found, is_call = {}, {"fl": "", "fn": ""}, {}, False
    for line in lines:
        named = re.match(r"(c?fl|c?fi|c?fe|c?fn)=\((\d+)\)(?: (.*))?$", line.rstrip("\n"))
        if named:
            kind, key, name = named.groups()
            table = "fn" if kind.endswith("fn") else "fl"
            if name is not None:
                names[table, key] = name
            # Inlined code (`fi`, `fe`) counts for the function that it stands in.
            if kind in ("fl", "fn"):
                place[table] = names[table, key]
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[+*\-\d]", line):
            if not is_call and "/src/" in place["fl"] and place["fl"].startswith(ROOT):
                key = (os.path.relpath(place["fl"], ROOT), function(place["fn"]))
                found[key] = found.get(key, 0) + int(line.split()[1])
            is_call = False
    return found


def function(name):
    """The function's name without its closures and the types that it is an instance for."""
    name = re.sub(r"(::\{\{closure\}\}|::\{closure[^}]*\})+", "", name)
    name = re.sub(r"'\d+$", "", name)
    while re.search(r"<[^<>]*>", name):
        name = re.sub(r"<[^<>]*>", "", name)
    return name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", metavar="CASE", choices=CASES, help="print the functions of a case instead")
    args = parser.parse_args()
    bench = built()
    if not args.list:
        print("| one request | functions | files |\n|---|---|---|")
    for case in [args.list] if args.list else CASES:
        few, many = costs(bench, case, FEW), costs(bench, case, MANY)
        entered = sorted(place for place, cost in many.items() if cost > few.get(place, 0))
        if not entered:
            sys.exit(f"{case}: wanted functions of src, found none")
        if args.list:
            print("\n".join(f"{file} {name}" for file, name in entered))
        else:
            print(f"| {CASES[case]} | {len(entered)} | {len({file for file, _ in entered})} |")


main()
