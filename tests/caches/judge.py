"""Which version of a file a response is of, and whether it may still be given.

Every state that a file was in is known, with the time at which it had ended. A response has to be of one of them from
its first byte to its last. One that had ended before the request began may be given as long as the response's own
`Cache-Control` says (counted in whole seconds, as caches do); where it states nothing it is the cache's own second,
which is counted apart. What a file was while one call wrote to it is `torn`, and may have no validator. A 304 gives what the client has.
"""

import re
import time

# Caches count whole seconds, from a clock that they read now and then.
ROUNDING = 1.3

# In bytes: what is compared at once of a file that was being written.
BLOCK = 512

# How long the caches were told to keep what states no lifetime.
OWN_SECONDS = 1


class State:
    """What a file was, from `begun` until `ended`; `seen_until` is when a cache may have got it last."""

    def __init__(self, content, begun, grows=False):
        self.content, self.begun = content, begun
        # Whether it was every beginning of that, too: one call that writes makes a file longer page by page.
        self.grows = grows
        self.ended = self.seen_until = None

    def end(self, at):
        if self.ended is None:
            self.ended = self.seen_until = at


class Shelf:
    """The states of one file: of the plain one, or of a sibling."""

    def __init__(self):
        self.states = []

    def put(self, content, begun):
        """From now on it is that; what it was before has ended. None is no file."""
        now = time.monotonic()
        for state in self.states:
            state.end(now)
        if content is not None:
            self.states.append(State(content, begun))

    def passing(self, content, begun):
        """It was that in between, while a change was made."""
        self.states.insert(max(0, len(self.states) - 1), State(content, begun, grows=True))
        self.states[max(0, len(self.states) - 2)].end(time.monotonic())

    def of(self, part, first, total):
        """The states, latest first, that have these bytes there and that length, if it is known."""
        for state in reversed(self.states):
            content = state.content
            fits = total in (None, len(content)) or state.grows and total <= len(content)
            if fits and content[first:first + len(part)] == part:
                yield state

    def overlapped(self, got):
        """What ended while a request ran may have been got by the cache until that was over."""
        for state in self.states:
            if state.ended is not None and got.begun <= state.ended <= got.ended:
                state.seen_until = max(state.seen_until, got.ended)


class Fault(Exception):
    """Bytes that may not be given: its kind, and the words."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def lifetime(got, stated):
    """The seconds that the response states, None if it states none."""
    value = got.field("cache-control")
    value = stated if value is None else value
    if value is None:
        return None
    if re.search(r"no-cache|no-store", value):
        return 0
    age = re.search(r"max-age=(\d+)", value)
    return int(age[1]) if age else None


def fresh(state, got, stated):
    """How a state is given: "now", "stated" or "heuristic"; a Fault if it may not be given any more."""
    if state.ended is None or got.begun <= state.seen_until:
        return "now"
    late, seconds = got.begun - state.seen_until, lifetime(got, stated)
    if seconds is not None:
        if seconds > 0 and late <= seconds + ROUNDING:
            return "stated"
        raise Fault("stale", f"{got.status} {late:.2f} s after the file had changed, with {seconds} s stated")
    if late <= OWN_SECONDS + ROUNDING:
        return "heuristic"
    raise Fault("stale", f"{got.status} {late:.2f} s after the file had changed, with nothing stated")


def best(states, got, stated):
    """The best that can be said of bytes which several states have."""
    fault = None
    for state in states:
        try:
            return fresh(state, got, stated)
        except Fault as found:
            fault = fault or found
    raise fault


def torn(shelf, got, parts):
    """Whether it is what a writer in place had made of the file by then, sent without any validator.

    One call that writes moves the file's times once, when it begins: no reader of a young file can tell how far
    it is. So each block is of a state that had not ended when the request began; a few are where the writer was.
    """
    if got.field("etag") or got.field("last-modified"):
        return False
    there = [state for state in shelf.states if state.ended is None or state.ended >= got.begun - ROUNDING]
    strange = 0
    for first, _, part in parts:
        for at in range(0, len(part), BLOCK):
            block, where = part[at:at + BLOCK], first + at
            strange += all(state.content[where:where + len(block)] != block for state in there)
    return len(there) > 1 and strange <= 8


def whole(shelf, got, stated):
    """The states that a 200 may be of, and how it is given. What was cut has to be the beginning of one."""
    states = list(shelf.of(got.body, 0, len(got.body) if got.whole else None))
    if not states and torn(shelf, got, [(0, None, got.body)]):
        return [], "torn"
    if not states:
        cut = "" if got.whole else " (cut)"
        raise Fault("mixed", f"{got.status} with {len(got.body)} bytes{cut} that the file never had")
    return states, best(states, got, stated) if got.whole else "cut"


def partial(shelf, got, parts, stated, had):
    """The states that all parts of a 206 may be of: of those in `had`, if the request named them by If-Range."""
    states = None
    for first, total, part in parts:
        of = list(shelf.of(part, first, total if got.whole else None))
        states = of if states is None else [state for state in states if state in of]
    if not states and had is None and torn(shelf, got, parts):
        return [], "torn"
    if not states:
        raise Fault("mixed", f"206 with {len(got.body)} bytes that the file never had there")
    if had is not None:
        states = [state for state in states if any(state.content == one.content for one in had)]
        if not states:
            raise Fault("mixed", "206 to If-Range, of another version than the one that was named")
    return states, best(states, got, stated) if got.whole else "cut"
