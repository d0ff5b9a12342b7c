# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""multipath.conf and its drop-ins: what they set, and what their blacklists hide (multipath.conf(5)). Pure, and whatever a file holds, nothing raises."""

from __future__ import annotations

import dataclasses
import re

# Classes of characters that POSIX has within brackets and Python has not.
_CLASS = re.compile(r"\[:(alnum|alpha|digit|lower|upper|xdigit):\]")
_CLASSES = {"alnum": "A-Za-z0-9", "alpha": "A-Za-z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "xdigit": "0-9A-Fa-f"}
_TOKEN = re.compile(r'"((?:[^"\n]|"")*)"?|([#!][^\n]*)|([{}])|(\n)|([^\s{}"]+)')


@dataclasses.dataclass(frozen=True)
class Block:
    """One section.

    :param path: names from the outermost on, as ``("blacklist", "device")``. :param entries: its (key, value) in order. :param file: where it stands.
    """

    path: tuple
    entries: tuple
    file: str = ""

    def values(self, key):
        """Return all values of a key."""
        return [value for name, value in self.entries if name == key]


# What multipathd blacklists without being told (setup_default_blist in libmultipath/blacklist.c); an exception by devnode lifts it.
BUILT_IN = Block(("blacklist",), (("devnode", "!^(sd[a-z]|dasd[a-z]|nvme[0-9])"),), "multipathd's own settings")


def parse(text, file=""):
    """Return the Blocks of one file, in the order in which they begin."""
    blocks, open_blocks, words = [], [], []

    def end_of_line():
        if words and open_blocks:
            open_blocks[-1][1].append((words[0].lower(), " ".join(words[1:])))
        words.clear()

    for match in _TOKEN.finditer(text + "\n"):
        quoted, comment, brace, newline, word = match.groups()
        if comment is not None:
            continue
        if newline is not None:
            end_of_line()
        elif brace == "{":
            name = words.pop() if words else ""
            end_of_line()
            outer = open_blocks[-1][0] if open_blocks else ()
            open_blocks.append((outer + (name.lower(),), []))
            blocks.append(open_blocks[-1])
        elif brace == "}":
            end_of_line()
            if open_blocks:
                open_blocks.pop()
        else:
            words.append(quoted.replace('""', '"') if quoted is not None else word)
    return [Block(path, tuple(entries), file) for path, entries in blocks]


def read(files):
    """Return the Blocks of ``[(path, text)]``, in the order in which multipath reads them: the main file, then the drop-ins by name."""
    return [block for path, text in files for block in parse(text, path)]


def last(blocks, key, section="defaults"):
    """Return ``(value, file)`` of the last time that a key is set in a section, which is the one that counts; ``(None, None)`` when it never is."""
    found = (None, None)
    for block in blocks:
        if block.path == (section,):
            for value in block.values(key):
                found = (value, block.file)
    return found


def hides(blocks, disk):
    """Return what of the blacklists hides a disk, as ``devnode "^sd" in FILE``; ``None`` when nothing does.

    A blacklist is compared with the exceptions of its own kind only, as multipath does.

    :param disk: what is known of it, of ``devnode`` (the kernel's name), ``vendor``, ``product``, ``protocol`` (``scsi:iscsi``) and ``wwid``.
    """
    for kind in ("devnode", "protocol", "wwid"):
        if not disk.get(kind):
            continue
        hidden = _first(blocks, ("blacklist",), kind, disk[kind])
        if hidden and not _first(blocks, ("blacklist_exceptions",), kind, disk[kind]):
            return hidden
    hidden = _device(blocks, "blacklist", disk)
    return None if hidden is None or _device(blocks, "blacklist_exceptions", disk) else hidden


def _first(blocks, path, kind, value):
    for block in blocks:
        if block.path == path:
            for pattern in block.values(kind):
                if matches(pattern, value):
                    return '%s "%s" in %s' % (kind, pattern, block.file)
    return None


def _device(blocks, section, disk):
    """Vendor and product of a ``device`` must both match where they are given."""
    for block in blocks:
        if block.path == (section, "device") and disk.get("vendor"):
            wanted = [(key, value) for key in ("vendor", "product") for value in block.values(key)]
            if wanted and all(matches(pattern, disk.get(key, "")) for key, pattern in wanted):
                return "device %s in %s" % (" ".join('%s "%s"' % pair for pair in wanted), block.file)
    return None


def matches(pattern, value):
    """Tell whether one of multipath's regular expressions matches; ``!`` before it means the opposite, a bare ``*`` everything.

    An empty one, and one that Python cannot read, match nothing: nothing is claimed of them.
    """
    negated = pattern.startswith("!")
    pattern = pattern[1:] if negated else pattern
    if not pattern:
        return False
    pattern = _CLASS.sub(lambda found: _CLASSES[found.group(1)], pattern)
    try:
        found = bool(re.search(".*" if pattern == "*" else pattern, value))
    except (re.error, RecursionError, OverflowError):
        return False
    return found != negated
