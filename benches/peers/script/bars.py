"""What is to be reached against nginx's fastest setting of each row, and whether it was."""

import re

from report import costs, fastest_nginx, rates, ratio, row

# What it says, the workload, the system, how many times nginx's fastest rate.
RATES = [
    ("1 KiB, kept, one look", "1k", "letterhead", 1.1),
    ("1 KiB, watched", "1k", "letterhead-watched", 1.25),
    ("tree of 10,000 x 4 KiB, one look", "tree", "letterhead", 1.0),
    ("tree, watched", "tree", "letterhead-watched", 1.1),
    ("100 KiB, zero copy", "100k", "letterhead-zero", 1.2),
    ("1 MiB", "1m", "letterhead", 2.0),
    ("example `files`, both with a log", "log", "example", 1.0),
    *((f"{title}, {label}", f"{speaks}-{size}", system, bar)
      for speaks, title, system, bars in (
          ("h2c", "HTTP/2", "letterhead", (1.8, 1.3, 1.1, 1.0)),
          ("tls-h1", "HTTP/1 by TLS", "letterhead-tls", (1.2, 1.4, 1.7, 1.6)),
          ("tls-h2", "HTTP/2 by TLS", "letterhead-tls", (1.1, 1.8, 1.6, 1.1)))
      for (size, label), bar in zip(
          (("1k", "1 KiB"), ("16k", "16 KiB"), ("100k", "100 KiB"), ("1m", "1 MiB")), bars)),
]

# What it says, the case, the case that it is held against (none: the identity), column, at most.
COUNTS = [
    ("layer over identity, axum, instructions", "axum-layer", None, 2, 2000),
    ("layer over identity, axum, allocations", "axum-layer", None, 4, 3),
    ("layer over identity, bare hyper, instructions", "hyper-layer", None, 2, 1600),
    ("layer over identity, streamed, instructions", "hyper-stream-layer", None, 2, 2000),
    ("one field through `Head`, over the layer, instructions", "axum-write", "axum-layer", 2, 1200),
    ("one field through `Head`, over the layer, allocations", "axum-write", "axum-layer", 4, 1),
]


def table(results, weights, counts):
    """Lines of Markdown: rates, bytes of idle connections, and what `instructions.sh` has printed."""
    lines = ["", "### To reach", "", "| | to reach | found | CPU | |", "|---|---|---|---|---|"]
    lines += [row(cells) for cells in rate_rows(results)]
    if "letterhead::serve" in weights:
        found = weights["letterhead::serve"]
        lines.append(row(["idle connection after one request", "4 kB", f"{found / 1000:.1f} kB", "",
                          verdict(found <= 4000)]))
    lines += [row(cells) for cells in count_rows(counts)]
    return lines


def verdict(met):
    return "met" if met else "missed"


def rate_rows(results):
    for what, workload, system, bar in RATES:
        found = results.get(workload, {})
        fastest = fastest_nginx(found)
        if system not in found or fastest is None:
            continue
        yield against(what, found, system, fastest, bar)
        if workload == "log" and "nginx-log" in found:
            yield against("the same, against nginx with sendfile", found, system, "nginx-log", 1.2)


def against(what, found, system, other, bar):
    rate, cost = (ratio(found, system, other, of)[0] for of in (rates, costs))
    return [what, f"{bar:g} x", f"{rate:.2f} x", f"{cost:.2f} x", verdict(rate >= bar)]


def count_rows(text):
    known = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| \n").split("|")]
        if re.fullmatch(r"[a-z-]+", cells[0]) and len(cells) > 4:
            known[cells[0]] = cells
    for what, case, against, column, most in COUNTS:
        if case not in known or (against and against not in known):
            continue
        found = int(known[case][column])
        if against:
            found -= int(known[against][column])
        yield [what, str(most), str(found), "", verdict(found <= most)]
