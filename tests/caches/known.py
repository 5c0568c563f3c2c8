"""Defects of the caches themselves, which no origin can prevent: told from ours by what was asked and answered.

Each was found here, and shows itself behind other origins too, or needs a request of a client's own to come about.
What they did is counted as `known`, never as right.
"""


def shifted(history, fault, got, asked):
    """Squid 5.7 answers a part whose If-Range does not hold from its memory: a 200 that begins with other bytes."""
    return history.cache == "squid" and fault.kind == "mixed" and got.status == 200 and "if-range" in asked


def borrowed(history, fault, got, asked):
    """A stored response without validators is stale, the client's own condition goes on, and its 304 renews it.

    Squid 5.7 and mod_cache of Apache 2.4 then give the old bytes, under the tag of the new ones. The client has named the
    version that is there, so the 304 was true.
    """
    if history.cache not in ("squid", "apache") or fault.kind not in ("stale", "tag"):
        return False
    named = asked.get("if-none-match")
    return named is not None and named == got.field("etag")


def retagged(history, fault, got, asked):
    """Squid 5.7 has a coded response of a young file, without validators, and asks by its date when the sibling is gone.

    The origin's 304 is for the plain file, and its tag stands beside the coded bytes from then on: the same content, and
    a tag that no origin has given to anything coded.
    """
    tag, coding = got.field("etag"), got.field("content-encoding")
    return history.cache == "squid" and fault.kind == "tag" and bool(tag and coding) and not tag.endswith(f'-{coding}"')


def defect(history, fault, got, asked):
    """The name of the defect, None without. What is stored wrongly is given again: `after` one that stores."""
    if shifted(history, fault, got, asked):
        return "shifted"
    if borrowed(history, fault, got, asked):
        history.is_poisoned = True
        return "borrowed"
    if retagged(history, fault, got, asked):
        history.is_poisoned = True
        return "retagged"
    if history.is_poisoned and fault.kind in ("stale", "tag"):
        return "after"
    return None
