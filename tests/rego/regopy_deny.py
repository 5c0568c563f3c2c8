"""Answers of `data.letterhead.deny` by regopy, a line for each input: a policy's path, then inputs on stdin."""

import json
import sys

from regopy import Interpreter

with open(sys.argv[1], encoding="utf-8") as file:
    policy = file.read()
for line in sys.stdin:
    rego = Interpreter()
    rego.add_module("deny.rego", policy)
    rego.set_input(json.loads(line))
    output = json.loads(str(rego.query("data.letterhead.deny")))
    members = output["expressions"][0]
    members = [member["msg"] + "|503" if isinstance(member, dict) else member for member in members]
    print(json.dumps(sorted(members)), flush=True)
