# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ``preflight`` and the role ``node`` on this machine, without root: one report of all hosts, nothing changed, all problems told at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest
import yaml

LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
# Where the tests are run by root, one host is looked at by somebody else.
BY_NOBODY = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_user": "nobody", "ansible_become_flags": "-s /bin/sh"}
NODE2 = dict(LOCAL, **(dict(BY_NOBODY, ansible_pipelining=True) if os.geteuid() == 0 else {}))
AWAY = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}


@pytest.fixture(name="play")
def fixture_play(tmp_path):
    """Run a playbook on an inventory: a function that returns (exit code, output)."""

    def run(playbook, inventory, *arguments, **variables):
        (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"children": {group: {"hosts": hosts} for group, hosts in inventory.items()}}}))
        command = ["ansible-playbook", "-i", "inventory.yml", str(playbook), "-e", json.dumps(variables), *arguments]
        settings = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"), ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote"))
        settings["ANSIBLE_LOCALHOST_WARNING"] = "0"
        done = subprocess.run(command, cwd=tmp_path, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def reported(output):
    """Return the report's lines."""
    text = output[output.index('"msg": [') + len('"msg": '):]
    return json.JSONDecoder().raw_decode(text)[0]


def paragraph(lines, words):
    """Return the hosts of the problem whose text has some words."""
    (place,) = [number for number, line in enumerate(lines) if words in line and line.startswith("    ")]
    return lines[place - 1]


def refusal(output, name):
    """Return the line that refuses a host."""
    (line,) = [line for line in output.splitlines() if line.startswith("fatal: [%s]" % name)]
    return line


def test_one_report_tells_of_all_hosts_and_changes_nothing(play):
    inventory = {"storage_nodes": {"node1": LOCAL, "node2": dict(NODE2, node_name="node1"), "node3": AWAY}, "storage_controllers": {"controller1": LOCAL}}
    with socket.create_server(("127.0.0.1", 0)) as server:
        portals = ["127.0.0.1:%d" % server.getsockname()[1], "127.0.0.1:1"]
        code, output = play("baremetal.legacy_storage.preflight", inventory, preflight_portals=portals)
        checked = play("baremetal.legacy_storage.preflight", inventory, "--check", preflight_portals=portals, preflight_fail_on="never")
    lines = reported(output)
    assert code == 2 and "thing(s) need mending" in output, output
    assert lines[0].startswith("4 host(s): ") and lines[0].endswith("1 that did not answer.")
    assert "UNREACHABLE: node3" in lines
    assert paragraph(lines, "node1 and node2 share the node_name node1.") == "ERROR: node1, node2"
    assert paragraph(lines, "Portal 127.0.0.1:1 cannot be reached: Connection refused.") == "ERROR: node1, node2"
    assert paragraph(lines, "share the machine id") == "WARNING: node1, node2, controller1"
    assert sum("1 of 2 portals reachable" in line for line in lines) == 2
    assert not any(portals[0] in line for line in lines)
    assert checked[0] == 0 and reported(checked[1]) == lines, "check mode sees the same, and a report alone fails nothing"
    for told in (output, checked[1]):
        assert "changed=1" not in told and "changed=0" in told


def test_portals_are_taken_from_the_controllers_backends(play, make_controller):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        controller = make_controller(backend=None)
        options = {"sparse_files_dir": str(controller.array), "target_ip_address": "127.0.0.1", "target_port": port}
        controller.register("one", options=options)
        inventory = {"storage_nodes": {"node1": LOCAL}, "storage_controllers": {"controller1": dict(LOCAL, controller_config=str(controller.config))}}
        _code, output = play("baremetal.legacy_storage.preflight", inventory, preflight_fail_on="never")
        assert any("node1" in line and "1 of 1 portal reachable" in line for line in reported(output)), output
    code, output = play("baremetal.legacy_storage.preflight", inventory)
    assert code == 2 and paragraph(reported(output), "Portal 127.0.0.1:%d cannot be reached" % port) == "ERROR: node1"


@pytest.mark.extra
def test_an_inventory_without_hosts_is_refused_and_a_controller_that_does_not_tell_its_backends_is_told(play, tmp_path):
    code, output = play("baremetal.legacy_storage.preflight", {"others": {"x": LOCAL}}, preflight_fail_on="never")
    assert code == 2 and "nothing was looked at" in output, output
    (tmp_path / "controller.json").write_text("{")
    inventory = {
        "storage_nodes": {"node1": LOCAL, "node2": AWAY},
        "storage_controllers": {"controller1": dict(LOCAL, controller_config=str(tmp_path / "controller.json"))},
    }
    code, output = play("baremetal.legacy_storage.preflight", inventory, "--limit", "node1,controller1,localhost", preflight_fail_on="never")
    lines = reported(output)
    assert code == 0 and lines[0].startswith("2 host(s): "), output
    assert paragraph(lines, "It did not tell its backends and exports") == "NOTE: controller1"
    code, output = play("baremetal.legacy_storage.preflight", inventory, "--limit", "node1,localhost", preflight_fail_on="none")
    assert code == 2 and "preflight_fail_on: none: give error, warning or never." in output, output


def test_the_role_refuses_all_hosts_with_all_their_problems_before_it_changes_anything(play, tmp_path):
    (tmp_path / "role.yml").write_text(
        yaml.safe_dump(
            [
                {
                    "hosts": "storage_nodes",
                    "gather_facts": False,
                    "tasks": [{"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.node"}}],
                }
            ]
        )
    )
    old = tmp_path / "python3.9"
    old.write_text("")
    old.chmod(0o755)
    nodes = {"node1": LOCAL, "node2": dict(LOCAL, node_name="other"), "node3": LOCAL}
    named = {name: dict({"node_name": "same"}, **its) for name, its in nodes.items()}
    code, output = play("role.yml", {"storage_nodes": named}, "--check", node_python=str(old))
    assert code == 2, output
    for name in nodes:
        assert "%s cannot be made a node: " % name in output
        assert any(name in line and "changed=0" in line and "failed=1" in line for line in output.splitlines()), output
        assert "%s is Python 3.9; os-brick needs 3.11 or newer." % old in refusal(output, name)
        assert ("node1 and node3 share the node_name same." in refusal(output, name)) is (name != "node2")
