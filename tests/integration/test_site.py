# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook site: which roles it applies where. In the place of the roles stands one task each that says so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

BOTH = {("controller1", "controller"), ("node1", "node")}
FIGURES = {("controller1", "monitoring"), ("node1", "monitoring")}


def applied(folder, collection_root, groups, **variables):
    """Run the playbook with roles that only say where they are; return {(host, role)}."""
    roles = folder / "ansible_collections/baremetal/legacy_storage/roles"
    for role in ("controller", "node", "monitoring", "kubernetes_volumes"):
        (roles / role / "tasks").mkdir(parents=True)
        task = {"name": "Say it", "ansible.builtin.debug": {"msg": "role %s on {{ inventory_hostname }}." % role}}
        (roles / role / "tasks/main.yml").write_text(yaml.safe_dump([task]))
    shutil.copy(collection_root / "playbooks/site.yml", folder)
    children = {name: {"hosts": {host: {} for host in hosts}} for name, hosts in groups.items()}
    inventory = {"all": {"children": children, "vars": dict({"ansible_connection": "local", "ansible_become": False}, **variables)}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    command = ["ansible-playbook", "-i", "inventory.json", "site.yml"]
    settings = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_GATHERING="explicit", ANSIBLE_COLLECTIONS_PATH=str(folder))
    done = subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and "Could not match" not in done.stderr, done.stdout + done.stderr
    return {(host, role) for role, host in re.findall(r"role (\w+) on (\w+)\.", done.stdout)}


@pytest.mark.parametrize(
    ("more", "variables", "roles"),
    [
        ({}, {}, BOTH),
        ({}, {"site_monitoring": True}, BOTH | FIGURES),
        ({"storage_kubernetes": ["plane1", "plane2"]}, {}, BOTH | {("plane1", "kubernetes_volumes")}),
    ],
)
def test_controllers_and_nodes_are_set_up_and_figures_and_the_volumes_of_a_cluster_by_choice(tmp_path, collection_root, more, variables, roles):
    groups = dict({"storage_controllers": ["controller1"], "storage_nodes": ["node1"]}, **more)
    assert applied(tmp_path, collection_root, groups, **variables) == roles
