"""Where the files of the bench are: which filesystem, and ext4 in a file if it is another."""

import contextlib
import os
import subprocess
import tempfile


def filesystem(path):
    """Its type, and what it is mounted from."""
    found = subprocess.run(["findmnt", "-n", "-o", "FSTYPE,SOURCE", "--target", path],
                           capture_output=True, text=True, check=False)
    return found.stdout.split()[:2] or ["unknown", "unknown"]


@contextlib.contextmanager
def ext4(parent):
    """A new directory below `parent`, on ext4 where that can be had, and a word for what it is on."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="letterhead-peers-") as scratch:
        kind, source = filesystem(scratch)
        if kind == "ext4" or os.geteuid():
            yield scratch, f"{kind} on {source}"
            return
        image, mounted = os.path.join(scratch, "image"), os.path.join(scratch, "mounted")
        os.mkdir(mounted)
        subprocess.run(["truncate", "-s", "4G", image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, mounted], check=True)
        try:
            yield mounted, f"ext4 on a loop device over {kind}"
        finally:
            subprocess.run(["umount", mounted], check=True)
