# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on, shown on the lab's hosts: each test is one Molecule scenario of extensions/molecule.

Every scenario converges twice, the second time without a change, and once more under ``--check``, then verifies.
"""

from __future__ import annotations

import os
import subprocess

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.fixture(scope="module", name="molecule")
def fixture_molecule(collection_root):
    """Run one scenario on the lab's hosts, which are brought up once and stay up between scenarios."""
    lab = collection_root / "lab/lab"
    subprocess.run([lab, "up"], check=True, stdin=subprocess.DEVNULL, timeout=900)
    inventory = subprocess.run([lab, "inventory", "--path"], check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def run(scenario):
        done = subprocess.run(
            ["molecule", "test", "--scenario-name", scenario], cwd=collection_root, env=dict(os.environ, LAB_INVENTORY=inventory, ANSIBLE_NOCOLOR="1"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1500, check=False,
        )
        if done.returncode:
            pytest.fail("molecule test --scenario-name %s ended with %d:\n%s" % (scenario, done.returncode, done.stdout[-20000:]), pytrace=False)

    return run


def test_roles_make_controller_and_nodes_and_their_first_check_mode_run_changes_nothing(molecule):
    molecule("roles")


def test_volumes_are_made_cloned_and_extended_as_check_mode_foretold(molecule):
    molecule("volume")


def test_a_snapshot_becomes_a_larger_volume_and_protects_its_source(molecule):
    molecule("snapshot")


def test_each_node_attaches_through_multipath_and_a_mounted_volume_is_not_taken_away(molecule):
    molecule("attachment")
