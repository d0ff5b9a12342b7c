# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role controller writes into the settings file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ansible_collections.baremetal.legacy_storage.plugins.controller.config import Config
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import run_playbook

ROLE = Path(__file__).resolve().parents[2] / "roles" / "controller"


def settings(folder, **variables):
    """Return the settings that the role would write."""
    tasks = [{"ansible.builtin.include_vars": str(ROLE / name / "main.yml")} for name in ("defaults", "vars")]
    tasks.append({"ansible.builtin.debug": {"var": "controller_settings"}})
    return run_playbook(folder, tasks, extra_vars=variables, ignore_errors=False)[-1]["controller_settings"]


def test_everything_that_the_controller_can_be_told_the_role_can_tell_it(tmp_path):
    told = settings(tmp_path, controller_store_password="canary", controller_lock_url="etcd3+http://etcd:2379", controller_lock_timeout="30")
    assert {field.name for field in dataclasses.fields(Config)} - set(told) == set()
    assert (told["lock_timeout"], told["operation_timeout"]) == (30, 0), "numbers, also where a command line gives texts"


def test_where_the_role_is_told_nothing_the_controller_is_told_its_own_defaults(tmp_path):
    told = settings(tmp_path)
    own = {field.name: field.default for field in dataclasses.fields(Config) if field.default is not dataclasses.MISSING}
    assert {name: told.get(name) for name in own} == own
