"""What happens in a history, step by step: all of it from its seed, and from nothing else."""

import random

# How a date is chosen; in a tree of constant dates there is but one.
DATES = ["now", "now", "now", "old", "old", "back", "ahead", "nix"]
HOWS = ["in place", "in place", "truncated", "halves", "renamed", "renamed", "renamed", "touched"]
ACCEPTED = [None, None, "gzip", "gzip, br", "br", "identity"]
CONDITIONS = [None, None, None, "tag", "tag", "tag and date", "date", "if-match"]
RANGES = [None, None, None, None, "first", "middle", "last", "open", "several", "beyond"]


def size(chance):
    """Mostly small, sometimes empty, sometimes several slices."""
    kind = chance.random()
    if kind < 0.05:
        return chance.choice([0, 1, 17])
    if kind < 0.6:
        return chance.randint(100, 5000)
    if kind < 0.85:
        return chance.randint(30_000, 400_000)
    return chance.randint(2_100_000, 4_600_000)


def write(chance):
    return {
        "do": "write",
        "how": chance.choice(HOWS),
        "date": chance.choice(DATES),
        # Behind the epoch, no two of a history within one second of each other.
        "old": chance.randint(0, 500_000) * 1000,
        "nanos": chance.choice([0, 0, chance.randint(1, 999_999_999)]),
        "size": size(chance) if chance.random() < 0.35 else None,
        "siblings": chance.choice([(), (), ("gzip",), ("br",), ("gzip", "br")]),
        "seed": chance.getrandbits(40),
    }


def ask(chance):
    """A request; during some the file is changed, or the client leaves."""
    step = {
        "do": "ask",
        "method": "HEAD" if chance.random() < 0.08 else "GET",
        "version": "1.0" if chance.random() < 0.1 else "1.1",
        "accept": chance.choice(ACCEPTED),
        "condition": chance.choice(CONDITIONS),
        "range": chance.choice(RANGES),
        "at": chance.random(),
        "resume": chance.random() < 0.25,
        "leave": chance.random() < 0.15,
    }
    if chance.random() < 0.12:
        step["meanwhile"] = write(chance)
        # In seconds before the request, or when its head is there.
        step["race"] = chance.choice([None, 0, 0.0005, 0.002])
    return step


def plan(seed):
    """The file of a history, and its steps."""
    chance = random.Random(f"letterhead {seed}")
    is_constant = chance.random() < 0.25
    first = write(chance)
    first.update(how="renamed", size=size(chance))
    steps = [first]
    count = chance.randint(14, 26)
    while len(steps) < count:
        kind = chance.random()
        if kind < 0.22:
            steps.append({"do": "wait"})
        elif kind < 0.42:
            steps.append(write(chance))
        elif kind < 0.48:
            siblings = chance.choice([(), ("gzip",), ("br",), ("gzip", "br")])
            steps.append({"do": "siblings", "siblings": siblings})
        else:
            # Often again, while it is fresh.
            steps += [ask(chance) for _ in range(chance.choice([1, 1, 2, 4]))]
    # In the end nobody writes, and everybody gets what is there.
    for accept in (None, "gzip", "br"):
        plain = {"do": "ask", "method": "GET", "version": "1.1", "accept": accept, "condition": None}
        steps += [{"do": "wait"}] if accept is None else []
        steps.append({**plain, "range": None, "at": 0, "resume": False, "leave": False, "last": True})
    return {
        "seed": seed,
        "tree": "constant" if is_constant else "dated",
        "constant": chance.choice([315_532_800, 1_700_000_000]),
        "stated": chance.choice(["a", "a", "m", "m", "c"]),
        "name": chance.choice(["f.txt", "f.txt", "f.bin", "f.mp4"]),
        "steps": steps,
    }
