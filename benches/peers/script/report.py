"""The table and the plot."""

import html
import os
import platform
import re
import statistics
import subprocess
import tomllib

from workloads import WORKLOADS


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


def ratio(results, system, against, of):
    """The median of the rounds' ratios: both sides of each had the same weather."""
    if against not in results:
        return None
    pairs = zip(of(results[system]), of(results[against]))
    ratios = [one / other for one, other in pairs if other]
    return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def rates(result):
    return result.rates


def costs(result):
    return result.costs


def markdown(results, args):
    wanted = ("actix-files", "axum", "h2", "hyper", "hyper-staticfile", "rustls", "salvo", "tower-http")
    programs = [version("nginx", "-v")]
    if "caddy" in args.systems:
        programs.append(f"caddy {version('caddy', 'version')}")
    if "sws" in args.systems:
        sws = os.path.join(args.binaries, "..", "sws", "bin", "static-web-server")
        said = subprocess.run([sws, "--version"], capture_output=True, text=True, check=False).stdout
        number = re.search(r"\d+\.\d+\.\d+", said)
        programs.append(f"static-web-server {number[0] if number else 'unknown'}")
    lines = [how(args, "server on one core, load (wrk; h2load for HTTP/2 and TLS) on another"), "",
             where("; ".join(programs), wanted)]
    return "\n".join(lines + tables(results, args)) + "\n"


def how(args, pinned):
    return (f"{args.rounds} interleaved rounds of {args.seconds:g} s; {pinned}; medians, in brackets "
            "the least and the most. Ratios are medians of the rounds' ratios to "
            f"{args.known[args.against].title}: more requests and less CPU are better.")


def where(programs, wanted):
    return (f"{platform.system()} {platform.release()}, {os.cpu_count()} cores; {programs}; "
            f"{', '.join(crates(wanted))}.")


def fastest_nginx(found):
    """Of the settings of nginx that were measured the one with the highest median rate."""
    known = [system for system in found if system.startswith("nginx")]
    return max(known, key=lambda system: statistics.median(found[system].rates), default=None)


def tables(results, args):
    """Lines of Markdown, a table for each workload."""
    lines = []
    for name, found in results.items():
        workload, fastest = WORKLOADS[name], fastest_nginx(found)
        streams = f" x {workload.streams} streams" if workload.streams > 1 else ""
        lines += ["", f"### {workload.title} ({workload.connections} connections{streams})", ""]
        if fastest:
            lines += [f"nginx's fastest for this row: {args.known[fastest].title}.", ""]
        lines += ["| system | requests/s | x | x nginx's fastest | CPU us/request | x | x nginx's fastest "
                  "| syscalls/request | RSS MiB |", "|---|---|---|---|---|---|---|---|---|"]
        for system, result in found.items():
            cells = [
                args.known[system].title,
                spread(result.rates, "{:.0f}" if min(result.rates) >= 100 else "{:.1f}"),
                times(ratio(found, system, args.against, rates)),
                times(ratio(found, system, fastest, rates)),
                spread(result.costs, "{:.1f}"),
                times(ratio(found, system, args.against, costs)),
                times(ratio(found, system, fastest, costs)),
                "" if result.calls is None else f"{result.calls:.1f}",
                f"{result.memory / 1024:.1f}",
            ]
            lines.append(row(cells))
    return lines


def row(cells):
    return "| " + " | ".join(cells) + " |"


def spread(values, form):
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(min(values))}-{form.format(max(values))})"


def times(found):
    return "" if found is None else f"{found[0]:.2f} ({found[1]:.2f}-{found[2]:.2f})"


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().removeprefix("nginx version: ").split(" ")[0]


def crates(wanted):
    """The versions that were built."""
    lock = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Cargo.lock")
    with open(lock, "rb") as file:
        packages = tomllib.load(file)["package"]
    return [f"{p['name']} {p['version']}" for p in packages if p["name"] in wanted]


# ---- the plot ----

BAR, GAP, LEFT, WIDTH, RIGHT = 14, 26, 250, 420, 90
PLOTS = {"rates": (rates, "requests a second (longer is better)"),
         "costs": (costs, "CPU time of a request (shorter is better)")}


def svg(results, args, plot, against=None):
    """Bars, each a ratio to one system, or to nginx's fastest; whiskers are the range over the rounds."""
    of, caption = PLOTS[plot]
    groups = [(WORKLOADS[name].title, bars(found, args, of, against or fastest_nginx(found)))
              for name, found in results.items()]
    groups = [(title, rows) for title, rows in groups if rows]
    longest = max((high for _, rows in groups for _, _, _, high in rows), default=1)
    scale = WIDTH / longest
    parts, y = [], 30
    for title, rows in groups:
        parts.append(f'<text x="0" y="{y + 4}" class="title">{html.escape(title)}</text>')
        y += 12
        for shown in rows:
            parts += bar(shown, y, scale)
            y += BAR
        y += GAP
    one, width = LEFT + scale, LEFT + WIDTH + RIGHT
    unit = args.known[against].title if against else "nginx's fastest setting"
    caption = html.escape(f"{caption}, {unit} = 1")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
        f'viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="11">'
        "<style>.title{font-weight:bold}.ours{fill:#2a6f4e}.theirs{fill:#9db4c0}"
        "path{stroke:#333;stroke-width:1}line{stroke:#888;stroke-dasharray:3 3}</style>"
        '<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{LEFT}" y="12">{caption}</text>'
        f'<line x1="{one:.1f}" y1="20" x2="{one:.1f}" y2="{y - GAP}"/>'
        + "".join(parts) + "</svg>\n"
    )


def bar(shown, y, scale):
    title, middle, low, high = shown
    colour = "ours" if title.startswith("letterhead") else "theirs"
    centre = y + BAR / 2
    left, right = LEFT + low * scale, LEFT + high * scale
    label = html.escape(title)
    return [
        f'<text x="{LEFT - 6}" y="{centre + 4}" text-anchor="end">{label}</text>',
        f'<rect x="{LEFT}" y="{y + 1}" width="{middle * scale:.1f}" height="{BAR - 3}" '
        f'class="{colour}"/>',
        f'<path d="M{left:.1f} {centre}H{right:.1f}"/>',
        f'<text x="{right + 5:.1f}" y="{centre + 4}">{middle:.2f}</text>',
    ]


def bars(found, args, of, against):
    rows = []
    for system in found:
        compared = ratio(found, system, against, of)
        if compared:
            rows.append((args.known[system].title, *compared))
    return sorted(rows, key=lambda row: row[1], reverse=of is rates)
