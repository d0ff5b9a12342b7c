# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role controller purges a store and its key only when it could look into them."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import run_playbook


def take_away(controller, tasks_from="teardown.yml", **changes):
    paths = {
        "controller_config": str(controller.cold_config),
        "controller_state_dir": str(controller.root / "state"),
        "controller_key_file": str(controller.root / "etc" / "store.key"),
        "controller_environment": str(controller.root / "environment"),
    }
    task = {"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.controller", "tasks_from": tasks_from}}
    variables = dict(paths, controller_state="absent", controller_purge="true", **changes)  # as from a command line
    return run_playbook(controller.root, [task], extra_vars=variables, ignore_errors=False)


@pytest.mark.parametrize("there", ["store", "key"])
def test_a_store_or_key_that_outlived_its_settings_is_not_purged(controller, there):
    controller.ensure("volume", backend="one", name="data", size="1")
    controller.cold_config.unlink()
    store, key = controller.root / "state" / "store.sqlite", controller.root / "etc" / "store.key"
    for path, name in ((store, "store"), (key, "key")):
        if name != there:
            path.unlink()
    left = {path for path in (store, key) if path.exists()}
    played = take_away(controller)
    assert played.code == 2 and "Nothing was removed" in played.output, played.output
    assert all(str(path) in played.output for path in left)
    assert {path for path in (store, key) if path.exists()} == left


def test_another_store_than_the_one_that_was_asked_is_not_purged(make_controller):
    asked, other = make_controller("asked"), make_controller("other")
    other.ensure("volume", backend="one", name="data", size="1")
    played = take_away(asked, controller_state_dir=str(other.root / "state"), controller_key_file=str(other.root / "etc" / "store.key"))
    assert played.code == 2 and "Nothing was removed" in played.output, played.output
    assert (other.root / "state" / "store.sqlite").exists() and (other.root / "etc" / "store.key").exists() and asked.cold_config.exists()


def test_a_store_that_could_be_looked_into_may_be_purged(controller):
    played = take_away(controller, "purgeable.yml", controller_state_dir="%s//state/" % controller.root)
    assert played.code == 0 and "changed=0 " in played.output, played.output
