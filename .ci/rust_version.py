"""Compares the Rust that each dependency of the library asks for with ours; reads `cargo metadata`."""

import json
import sys

metadata = json.load(sys.stdin)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
root = metadata["resolve"]["root"]


def number(version):
    return tuple(int(part) for part in (version.split(".") + ["0", "0"])[:3])


# What only tests and examples need may ask for more.
found, todo = set(), [root]
while todo:
    for dependency in nodes[todo.pop()]["deps"]:
        kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
        if kinds - {"dev"} and dependency["pkg"] not in found:
            found.add(dependency["pkg"])
            todo.append(dependency["pkg"])

ours = packages[root]["rust_version"]
asked = [packages[one] for one in found if packages[one]["rust_version"]]
newer = [p for p in asked if number(p["rust_version"]) > number(ours)]
highest = max(asked, key=lambda p: number(p["rust_version"]))
print(f"of {len(found)} dependencies {highest['name']} asks for the newest Rust,", highest["rust_version"])
for package in newer:
    print(f"{package['name']} {package['version']} asks for {package['rust_version']}, we for {ours}")
sys.exit(bool(newer) or len(asked) < 20)
