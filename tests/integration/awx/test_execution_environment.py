# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The execution environment, as far as ansible-builder comes without building an image."""

from __future__ import annotations

import re
import subprocess

import yaml

NAME = "baremetal.legacy_storage"


def run(*command, cwd):
    """Run a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ansible_builder_takes_the_definition_and_puts_the_collection_with_what_it_depends_on_into_the_image(collection_root, tmp_path):
    run("ansible-builder", "create", "--file", str(collection_root / "execution-environment.yml"), "--context", str(tmp_path / "context"), cwd=tmp_path)
    assert (tmp_path / "context" / "Dockerfile").read_text().startswith("ARG EE_BASE_IMAGE")
    wanted = yaml.safe_load((tmp_path / "context" / "_build" / "requirements.yml").read_text())["collections"]
    needed = yaml.safe_load((collection_root / "galaxy.yml").read_text())["dependencies"]
    assert {item["name"]: item.get("version") for item in wanted} == dict(needed, **{NAME: None})


def test_the_collection_itself_wants_no_package_where_ansible_runs(collection_root, tmp_path):
    place = tmp_path / "ansible_collections" / "baremetal"
    place.mkdir(parents=True)
    (place / "legacy_storage").symlink_to(collection_root)
    told = yaml.safe_load(run("ansible-builder", "introspect", str(tmp_path), cwd=tmp_path))
    assert {kind: told[kind] for kind in ("python", "system")} == {"python": [], "system": []}


def test_playbooks_and_roles_use_no_collection_that_is_not_declared_but_awx_awx_which_is_only_for_applying(collection_root):
    used = set()
    for path in [*(collection_root / "playbooks").rglob("*.yml"), *(collection_root / "roles").rglob("tasks/*.yml")]:
        used |= {match[1] for match in re.finditer(r"^\s*(?:- )?([a-z_]+\.[a-z_]+)\.[a-z_]+:(?: |$)", path.read_text(), re.MULTILINE)}
    declared = set(yaml.safe_load((collection_root / "galaxy.yml").read_text())["dependencies"])
    assert used - {"ansible.builtin", NAME} <= declared | {"awx.awx"}
    assert "community.general" in used
