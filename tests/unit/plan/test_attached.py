# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drivers refuse with attached volumes is asked of them only for those, and refused by the name of the parameter."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.attached import refuse_unable
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.operations import Operation

ASKED = {
    "snapshot": ("volume", Operation("create", "snapshot", "one", "snap", {"id": "s", "volume_id": "v"})),
    "backup": ("volume", Operation("create", "backup", "offsite", "b", {"id": "b", "volume": {"id": "v"}, "temporary_snapshot": "s"})),
    "clone": ("source_volume", Operation("create", "volume", "one", "copy", {"id": "c", "source": {"kind": "volume", "id": "v"}})),
    "extend": ("size", Operation("extend", "volume", "one", "data", {"id": "v", "size": 2})),
}
NOT_ASKED = [
    Operation("create", "backup", "offsite", "b", {"id": "b", "volume": {"id": "v"}}),
    Operation("create", "volume", "one", "new", {"id": "n", "size": 1}),
    Operation("create", "volume", "one", "copy", {"id": "c", "source": {"kind": "snapshot", "id": "s"}}),
    Operation("update", "volume", "one", "data", {"id": "v", "description": "x"}),
    Operation("delete", "snapshot", "one", "snap", {"id": "s", "volume_id": "v"}),
]


def landscape(*hosts):
    return Landscape([Backend("one", "d.D")], [Volume("v", "one", "data", 1, attached_to=hosts)])


@pytest.mark.parametrize("what", ASKED)
def test_what_the_driver_refuses_names_the_parameter_the_volume_its_hosts_and_the_backend(what):
    parameter, operation = ASKED[what]
    asked = []
    with pytest.raises(StorageError) as caught:
        refuse_unable(landscape("n1", "n2"), [*NOT_ASKED, operation], lambda backend, word: asked.append((backend.name, word)))
    assert (caught.value.code, caught.value.parameter) == ("unsupported", parameter)
    assert caught.value.message.startswith("%s: volume 'data' is attached to n1, n2, and " % parameter) and "backend one" in caught.value.message
    assert asked == [("one", "snapshot" if what == "backup" else what)]


def test_drivers_are_not_asked_about_volumes_that_no_host_uses_nor_about_anything_else():
    def never(backend, what):
        raise AssertionError(what)

    refuse_unable(landscape(), [operation for _parameter, operation in ASKED.values()], never)
    refuse_unable(landscape("n1"), NOT_ASKED, never)
    refuse_unable(landscape("n1"), [operation for _parameter, operation in ASKED.values()], lambda backend, what: True)
