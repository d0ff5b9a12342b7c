# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles call packages and interpreters on each distribution. Nothing is installed; docs/distributions.md says what was run on which."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import FQCN, run_playbook

# (distribution and its major version, as Ansible tells them), family: the interpreter, the package that has it or its venv
KNOWN = {
    ("Debian", "12", "Debian"): ("/usr/bin/python3", "python3-venv"),
    ("Debian", "13", "Debian"): ("/usr/bin/python3", "python3-venv"),
    ("Ubuntu", "22", "Debian"): ("/usr/bin/python3.11", "python3.11-venv"),
    ("Ubuntu", "24", "Debian"): ("/usr/bin/python3", "python3-venv"),
    ("AlmaLinux", "9", "RedHat"): ("/usr/bin/python3.11", "python3.11"),
    ("Rocky", "9", "RedHat"): ("/usr/bin/python3.11", "python3.11"),
    ("RedHat", "9", "RedHat"): ("/usr/bin/python3.11", "python3.11"),
    ("RedHat", "10", "RedHat"): ("/usr/bin/python3", "python3"),
}
TOLD = "{{ [controller_python, node_python, controller_packages, node_packages_base, node_multipath_wants_file] }}"


def test_every_distribution_of_the_list_gets_an_interpreter_that_is_new_enough_and_its_package(tmp_path):
    tasks = []
    for name, major, family in KNOWN:
        facts = {"distribution": name, "distribution_major_version": major, "os_family": family, "service_mgr": "systemd"}
        tasks += [
            {"ansible.builtin.include_role": {"name": FQCN + "controller", "tasks_from": "preflight"}, "vars": {"ansible_facts": facts}},
            {"ansible.builtin.include_role": {"name": FQCN + "node", "tasks_from": "names"}, "vars": {"ansible_facts": facts, "node_family": family}},
            {"name": "Tell", "ansible.builtin.debug": {"msg": TOLD}},
        ]
    done = run_playbook(tmp_path, tasks)
    told = [result["msg"] for result in done.results if result.task == "Tell"]
    assert len(told) == len(KNOWN), done.output
    for (name, _major, family), (python, package), (of_controller, of_node, on_controller, on_node, wants_file) in zip(KNOWN, KNOWN.values(), told):
        assert (of_controller, of_node, wants_file) == (python, python, family == "RedHat"), name
        assert package in on_controller and package in on_node, name


@pytest.mark.parametrize("role", ["controller", "node"])
def test_the_page_on_distributions_names_all_that_the_roles_install(role, collection_root):
    page = (collection_root / "docs" / "distributions.md").read_text()
    names = set()
    for path in (collection_root / "roles" / role / "vars").glob("*.yml"):
        if path.name != "main.yml":
            told = yaml.safe_load(path.read_text())
            names |= {package for key, packages in told.items() if "_packages" in key for package in packages}
    assert names and [name for name in sorted(names) if "`%s`" % name not in page] == []
