#!/usr/bin/env python3
"""Reads a headed file by the guide alone, and prints what it says as JSON."""
import hashlib, json, struct, sys

MAGIC = b"\x89LHD\r\n\x1a\n"
FIXED = struct.Struct("<8s32sHHIIIQQ16sQ16sHBBHHIH2x32s")


def slot(data, which):
    """The image of a slot and what its fixed part says, or why it is not whole."""
    block = data[4096 * which:4096 * which + 4096]
    if len(block) < FIXED.size or not block.startswith(MAGIC):
        return "no slot"
    f = FIXED.unpack_from(block)
    length, room = f[4], f[6]
    if room % 4096 or room > 1 << 20 or not FIXED.size <= length <= 4096 + room:
        return "damaged"
    rest = 8192 + room * which
    data = block + data[rest:rest + room]
    whole = -(-length // 4096) * 4096
    image = data[:length]
    if hashlib.sha256(image[40:]).digest() != f[1]:
        return "damaged"
    if len(data) < whole or any(data[length:whole]):
        return "damaged"
    if f[2] != 1 or f[5] != 0:
        return "of a later version"
    parts, at = [], f[3]
    for size in (f[15], f[17], f[16], f[18]):
        parts.append(image[at:at + size])
        at += size
    if at != length or f[7] != 8192 + 2 * room:
        return "malformed"
    return f, parts, image


def read(data):
    slots = [slot(data, 0), slot(data, 1)]
    whole = [s for s in slots if not isinstance(s, str)]
    if not whole:
        raise SystemExit("no slot is whole: %s" % slots)
    if len({(s[0][6:10], s[0][11], s[0][19], s[1][0]) for s in whole}) > 1:
        raise SystemExit("the slots are of two files")
    f, (name, lines, key, signature), image = max(whole, key=lambda s: s[0][10])
    if any(s[0][10] == f[10] and s[2] != image for s in whole):
        raise SystemExit("two heads of one generation")
    payload = data[f[7]:]
    if len(payload) != f[8] or f[13] != 1 or hashlib.sha256(payload).digest() != f[19]:
        raise SystemExit("the payload is another one")
    fields = [line.split(": ", 1) for line in lines.decode("latin-1").split("\r\n")[:-1]]
    return {"generation": f[10], "status": f[12], "name": name.decode(), "fields": fields,
            "key": key.decode(), "signature": len(signature), "payload": payload.decode("latin-1"),
            "slots": [s if isinstance(s, str) else "whole" for s in slots]}


print(json.dumps(read(open(sys.argv[1], "rb").read())))
