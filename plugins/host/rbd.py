# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the kernel did not map an image of Ceph: it gives a number to who asked, and the reason to its log only."""

from __future__ import annotations

import os
import re

REFUSED = 6  # ENXIO, which `rbd map` ends with
_TOLD = re.compile(r"rbd: image (\S+): image uses unsupported features: (0x[0-9a-f]+)")
_FEATURES = {  # include/rbd/features.h of Ceph
    1: "layering",
    2: "striping",
    4: "exclusive-lock",
    8: "object-map",
    16: "fast-diff",
    32: "deep-flatten",
    64: "journaling",
    128: "data-pool",
    256: "operations",
    512: "migrating",
    1024: "non-primary",
}
_JOURNALING, _NON_PRIMARY = 64, 1024


def refusal(system, data):
    """Return why the kernel refused a volume's image, as sentences; None where its log does not tell.

    :param data: connection_info's data.
    """
    image = str(data.get("name", "")).rpartition("/")[2]
    told = [int(bits, 16) for name, bits in _TOLD.findall(_log(system)) if name == image]
    if not told:
        return None
    names = ", ".join(name for bit, name in _FEATURES.items() if told[-1] & bit) or hex(told[-1])
    text = "the kernel's rbd does not know what this image needs: %s." % names
    if told[-1] & _JOURNALING:
        text += (
            " It is replicated by journal, which no kernel can open: give the backend's replication_device mirroring_mode: snapshot, end the volume's "
            "replication and begin it again. Taking the feature from the image would end its replication unseen."
        )
    elif not told[-1] & _NON_PRIMARY:
        text += " Take the feature from the image ('rbd feature disable'), and from new ones by rbd_default_features in the controller's ceph.conf."
    return text


def _log(system):
    parts = []
    try:
        log = os.open(system.path("dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        while True:
            try:
                part = os.read(log, 8192)
            except BrokenPipeError:  # what was next has been overwritten
                continue
            if not part:
                break
            parts.append(part)
    except OSError:  # its end
        pass
    finally:
        os.close(log)
    return b"".join(parts).decode("utf-8", "replace")
