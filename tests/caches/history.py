"""One history: a file that is changed, and a client that asks for it through a cache."""

import datetime
import email.utils
import gzip
import os
import random
import threading
import time

import client
import judge
import known
from servers import STATED

# By then nothing is young any more (`settle` is two seconds), and nothing that was said to last a second is fresh.
REST = 1 + judge.ROUNDING + 0.1

ENDINGS = {"identity": "", "gzip": ".gz", "br": ".br"}

# The first second of 2001, from which old dates are counted, and the date of the Nix store.
OLD, NIX = 978_307_200, 1


def made(seed, size):
    return random.Random(seed).randbytes(size)


class History:
    """Runs a plan beneath `roots`, by way of a cache for each tree at `ports`, and counts what came of it."""

    def __init__(self, plan, cache, roots, ports, say=lambda *_: None):
        self.plan, self.cache, self.say = plan, cache, say
        self.port = ports[plan["tree"]]
        below = f"{plan['stated']}/{plan['seed']}"
        self.directory = roots[plan["tree"]] / below
        self.directory.mkdir(parents=True)
        self.path = self.directory / plan["name"]
        self.url = f"/{below}/{plan['name']}"
        self.stated = STATED[plan["stated"]]
        self.shelves = {coding: judge.Shelf() for coding in ENDINGS}
        # What the client has: state, coding, how much of it, tag, date.
        self.copies = []
        self.tags = {}
        self.dates = set()
        self.counts = {}
        self.faults = []
        # What the cache did by a defect of its own, and what came of that: see `known.py`.
        self.known = []
        self.is_poisoned = False
        self.active = time.monotonic()
        self.changed = self.active

    def run(self):
        for nth, step in enumerate(self.plan["steps"]):
            self.nth = nth
            getattr(self, step["do"])(step)
        # Only the counts are of use any more, and contents are large.
        self.shelves, self.copies, self.tags = {}, [], {}
        return self

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def wait(self, _):
        """Until by every clock what was young is old. The clocks are those of the kernel and of the cache."""
        self.say(self.nth, "wait")
        while (left := self.active + REST - time.monotonic()) > 0:
            time.sleep(left)

    # ---- changes

    def write(self, step):
        """Another version; the siblings of the one before go first."""
        begun = time.monotonic()
        self.siblings({"siblings": ()})
        plain, was = self.shelves["identity"], self.bytes()
        if step["how"] == "touched" and was is not None:
            self.set_date(self.path, step)
        else:
            size = len(was or b"") if step["size"] is None else step["size"]
            content = made(step["seed"], size)
            self.put(step, content, was, begun)
            plain.put(content, begun)
            # Until now what is coded was the content of this file, sibling or no sibling.
            for coding in ("gzip", "br"):
                self.shelves[coding].put(None, begun)
        self.say(self.nth, "write", step["how"], step["date"], len(self.bytes()), step["siblings"])
        if step["siblings"]:
            self.siblings(step)
        self.active = self.changed = time.monotonic()

    def bytes(self):
        states = self.shelves["identity"].states
        return states[-1].content if states else None

    def put(self, step, content, was, begun):
        how, plain = step["how"], self.shelves["identity"]
        if how == "renamed" or was is None:
            new = self.directory / "new"
            new.write_bytes(content)
            self.set_date(new, step)
            os.rename(new, self.path)
            return
        if how == "truncated":
            self.path.write_bytes(content)
            plain.passing(content, begun)
        else:
            with open(self.path, "r+b", buffering=0) as file:
                half = len(content) // 2 if how == "halves" else len(content)
                file.write(content[:half])
                plain.put(content[:half] + was[half:], begun)
                if how == "halves" and len(content) < 100_000:
                    self.active = self.changed = time.monotonic()
                    self.ask({**PLAIN, "accept": None})
                file.write(content[half:])
                file.truncate(len(content))
                plain.passing(content + was[len(content):], begun)
        self.set_date(self.path, step)

    def set_date(self, path, step):
        """By `utimensat`; no two versions of a dated tree have one date."""
        if self.plan["tree"] == "constant":
            seconds, nanos = self.plan["constant"], 0
        elif step["date"] == "now":
            return
        elif step["date"] == "nix":
            seconds, nanos = NIX, 0
        else:
            nanos = step["nanos"]
            seconds = {"old": OLD, "back": OLD - 1000, "ahead": int(time.time()) + 90_000}[step["date"]]
            seconds += step["old"] if step["date"] == "old" else 0
            while seconds in self.dates:
                seconds += -1000 if step["date"] == "back" else 7
            self.dates.add(seconds)
        os.utime(path, ns=(seconds * 10**9 + nanos,) * 2)

    def siblings(self, step):
        """Those, of the version that is there, and no others; with its date, as an archive has it."""
        content = self.bytes()
        if content is None:
            return
        for coding in ("gzip", "br"):
            shelf, begun = self.shelves[coding], time.monotonic()
            path = self.path.with_name(self.path.name + ENDINGS[coding])
            if coding in step["siblings"]:
                # What a client takes for br is never decoded here.
                coded = gzip.compress(content, 0, mtime=0) if coding == "gzip" else b"br:" + content[::-1]
                new = self.directory / "new"
                new.write_bytes(coded)
                date = os.stat(self.path).st_mtime_ns
                os.utime(new, ns=(date, date))
                os.rename(new, path)
                shelf.put(coded, begun)
                self.active = self.changed = time.monotonic()
            elif path.exists():
                path.unlink()
                self.active = self.changed = time.monotonic()
        if "do" in step and step["do"] == "siblings":
            self.say(self.nth, "siblings", step["siblings"])

    # ---- requests

    def ask(self, step):
        fields, had, asked = self.fields(step)
        meanwhile, thread = None, None
        if change := step.get("meanwhile"):
            if step["race"] is None:
                meanwhile = lambda: self.write(change)
            else:
                thread = threading.Thread(target=self.later, args=(step["race"], change))
                thread.start()
        stop_at = None
        if step["leave"] and self.bytes():
            stop_at = max(1, int(len(self.bytes()) * step["at"]))
        quiet = time.monotonic() - self.changed > REST - 0.05
        got = client.get(self.port, self.url, fields, step["method"], step["version"], meanwhile, stop_at)
        if thread:
            thread.join()
        for shelf in self.shelves.values():
            shelf.overlapped(got)
        self.active = time.monotonic()
        self.count("requests")
        try:
            said = self.judged(step, got, had, asked, dict(fields))
            if said in ("refused", "cut") and stop_at is None and quiet and not change:
                raise judge.Fault("at rest", f"{got.status} {said}, though nothing changes")
            if said == "cut" and stop_at is not None:
                said = "left"
        except judge.Fault as fault:
            line = (self.nth, fault.kind, f"{fault} | {self.told(fields, got)}")
            defect = known.defect(self, fault, got, dict(fields))
            (self.known if defect else self.faults).append(line)
            said = f"known: {defect}" if defect else f"FAULT {fault}"
        self.count(said.split()[0])
        self.say(self.nth, "ask", self.told(fields, got), len(got.body), said)

    def later(self, delay, change):
        time.sleep(delay)
        self.write(change)

    def told(self, fields, got):
        shown = ("cache-control", "etag", "last-modified", "content-range", "content-encoding", "age", "vary")
        lines = [f"{name}: {value}" for name, value in got.fields if name in shown]
        asked = [f"{name}: {value}" for name, value in fields]
        return f"[{', '.join(asked)}] -> {got.status} [{', '.join(lines)}]"

    def fields(self, step):
        """Of the request; the states that If-Range may name; the copy that a condition names."""
        fields = [("accept-encoding", step["accept"])] if step["accept"] else []
        length = len(self.bytes() or b"")
        begun = [copy for copy in self.copies if copy["prefix"] and copy["strong"]]
        if step["resume"] and begun and step["method"] == "GET":
            copy = begun[int(step["at"] * len(begun))]
            fields = [("accept-encoding", copy["accept"])] if copy["accept"] else []
            fields += [("range", f"bytes={copy['prefix']}-"), ("if-range", copy["strong"])]
            return fields, copy["states"], None
        copy = self.copies[int(step["at"] * len(self.copies))] if self.copies else None
        if (condition := step["condition"]) and copy:
            if "tag" in condition and copy["tag"]:
                fields.append(("if-none-match", copy["tag"]))
            if "date" in condition and copy["date"]:
                fields.append(("if-modified-since", copy["date"]))
            if condition == "if-match" and copy["tag"]:
                fields.append(("if-match", copy["tag"]))
        at = int(length * step["at"])
        spans = {
            "first": "0-99", "middle": f"{at}-{at + length // 3}", "last": "-50", "open": f"{at}-",
            "several": f"0-9,{at + 20}-{at + 500},-7", "beyond": f"{length + 5}-",
        }
        if step["range"]:
            fields.append(("range", f"bytes={spans[step['range']]}"))
        return fields, None, copy

    def judged(self, step, got, had, asked, fields):
        """In one word how it was given; a Fault if it may not be."""
        coding = got.field("content-encoding") or "identity"
        if got.status == 304:
            return self.not_modified(got, asked, fields)
        if got.status not in (200, 206):
            return "refused" if got.status == 0 or got.status >= 500 else "none"
        # Who names no coding takes any (RFC 9110, section 12.5.3).
        accepted = fields.get("accept-encoding")
        if coding not in ENDINGS or (coding != "identity" and accepted and coding not in accepted):
            raise judge.Fault("coding", f"{coding} to who accepts {accepted}")
        shelf = self.shelves[coding]
        if step["method"] == "HEAD":
            return "head"
        if got.status == 200:
            parts = [(0, None, got.body)]
            states, how = judge.whole(shelf, got, self.stated)
        else:
            try:
                parts = client.parts(got)
            except (ValueError, IndexError):
                if got.whole:
                    raise judge.Fault("mixed", "206 whose parts do not end") from None
                return "cut"
            states, how = judge.partial(shelf, got, parts, self.stated, had)
        if not states:
            return how
        self.tagged(got, parts, states)
        self.keep(got, coding, states, fields)
        return how

    def not_modified(self, got, asked, fields):
        if asked is None:
            raise judge.Fault("unasked", "304 to who has nothing")
        try:
            # What is there again, or was only touched, is what the client has.
            had = [state.content for state in asked["states"]]
            same = [state for state in self.shelves[asked["coding"]].states if state.content in had]
            return "304" if judge.best(same[::-1], got, self.stated) == "now" else "304-fresh"
        except judge.Fault:
            since = fields.get("if-modified-since")
            if since and "if-none-match" not in fields:
                # RFC 9110, section 13.1.3: what is there has an older date than the one that was named.
                since = email.utils.parsedate_to_datetime(since)
                now = datetime.datetime.fromtimestamp(int(self.path.stat().st_mtime), datetime.timezone.utc)
                if now <= since:
                    return "by-date-alone"
            raise

    def tagged(self, got, parts, states):
        """One strong tag is one content."""
        tag = got.field("etag")
        if not tag or tag.startswith("W/"):
            return
        if got.status == 200 and got.whole:
            self.tags.setdefault(tag, states[0].content)
        known = self.tags.get(tag)
        if known and any(known[first:first + len(part)] != part for first, _, part in parts):
            raise judge.Fault("tag", f"{tag} for two contents")

    def keep(self, got, coding, states, fields):
        """The client keeps what it got, with what may be said in If-Range of a beginning."""
        tag, date = got.field("etag"), got.field("last-modified")
        is_first = got.status == 200 or (got.field("content-range") or "").startswith("bytes 0-")
        prefix = len(got.body) if is_first and len(got.body) < len(states[0].content) else 0
        strong = tag if tag and not tag.startswith("W/") else None
        if tag is None and date and got.field("date"):
            # RFC 9110, section 8.8.2.2: as clients do, a minute.
            told = email.utils.parsedate_to_datetime(got.field("date")).timestamp()
            strong = date if told - email.utils.parsedate_to_datetime(date).timestamp() >= 60 else None
        if got.status == 200 or prefix:
            self.copies.append({
                "states": states, "prefix": prefix, "tag": tag, "date": date, "strong": strong,
                "accept": fields.get("accept-encoding"), "coding": coding,
            })


PLAIN = {
    "do": "ask", "method": "GET", "version": "1.1", "condition": None, "range": None, "at": 0, "resume": False,
    "leave": False,
}
