# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on of a backend: cinderlib's functional cases, as plays on real hosts. What docs/drivers.md tells of them is so."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.functional import run

FROM_CINDERLIB = 17


@pytest.mark.extra
@pytest.mark.parametrize("backend", ["lvm", "nfs", "rbd"])
def test_every_case_is_shown_and_the_record_tells_the_same(lab, backend, tmp_path):
    try:
        found = run.exercise(backend, tmp_path)
    except run.Failed as failed:
        pytest.fail(str(failed), pytrace=False)
    told = run.read_record()[backend]
    assert len(found["cases"]) >= FROM_CINDERLIB
    assert found["cases"] == told["cases"], "run tools/drivers exercise %s, then make drivers" % backend
    assert found["driver"] == told["driver"]
    assert set(found["operations"]) == set(told["operations"])
