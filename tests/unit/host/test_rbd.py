# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why the kernel did not map an image of Ceph."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import rbd

DATA = {"name": "volumes/volume-a"}
LINE = "4,612,2070240000,-;rbd: image %s: image uses unsupported features: %s\n"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (LINE % ("volume-a", "0x40"), ["journaling.", "mirroring_mode: snapshot"]),
        (LINE % ("volume-a", "0x40") + LINE % ("volume-b", "0x40") + LINE % ("volume-a", "0x2"), ["striping.", "rbd_default_features"]),
        (LINE % ("volume-a", "0x80000000"), ["0x80000000."]),
    ],
)
def test_the_feature_that_the_kernel_does_not_know_is_named_with_what_to_do(kernel, log, words):
    kernel.write("dev/kmsg", "6,611,2070210000,-;libceph: mon0 session established\n" + log)
    told = rbd.refusal(kernel.system, DATA)
    assert all(word in told for word in words), told


@pytest.mark.parametrize("log", [None, "", LINE % ("volume-b", "0x40")])
def test_a_log_that_says_nothing_of_the_image_is_no_reason(kernel, log):
    if log is not None:
        kernel.write("dev/kmsg", log)
    assert rbd.refusal(kernel.system, DATA) is None
