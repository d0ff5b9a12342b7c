# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook teardown takes nothing away anywhere as long as one node has something attached."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys


def test_while_one_node_has_a_volume_attached_no_other_host_is_taken_back(tmp_path, collection_root):
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    places = {"state_dir": "state", "environment": "opt/environment", "config": "etc/settings.json", "key_file": "etc/key"}
    paths = {"%s_%s" % (role, name): "%s/{{ inventory_hostname }}/%s" % (tmp_path, path) for role in ("node", "controller") for name, path in places.items()}
    groups = {"storage_nodes": {"hosts": {"node1": {}, "node2": {}}}, "storage_controllers": {"hosts": {"controller1": {}}}}
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"children": groups, "vars": dict(local, **paths)}}))
    for path in ("node1/state/attachments/6229f862-a401-5616-bf1c-8011d75b8844.json", "node2/etc/settings.json"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("{}")

    # Under --check: the machine that the test runs on keeps what it has, whatever the playbook would do.
    command = ["ansible-playbook", "--check", "-i", str(inventory), str(collection_root / "playbooks/teardown.yml")]
    settings = dict(os.environ, ANSIBLE_NOCOLOR="1")
    done = subprocess.run(command, cwd=tmp_path, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2 and "1 volumes are attached to node1" in done.stdout + done.stderr, done.stdout + done.stderr
    assert "PLAY [Controllers]" not in done.stdout
    assert re.search(r"^node2 .*changed=0 ", done.stdout, re.MULTILINE), done.stdout
