# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on, shown on the lab's hosts: each test is one Molecule scenario of extensions/molecule.

Every scenario converges twice, the second time without a change, and once more under ``--check`` (the roles, which take longest, in a test of its own; the
stack not), then verifies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.cluster import Cluster

pytestmark = [pytest.mark.lab, pytest.mark.slow]
LIMIT = 1700  # seconds for one scenario; the slowest takes about 300 on a quiet machine
STACK_LIMIT = 5400  # seconds for the scenario that installs, upgrades and removes everything
PROCESSES = "ps -eo pid,ppid,etimes,stat,wchan:24,args --ppid 2 -p 2 --deselect"


@pytest.fixture(scope="module", name="molecule")
def fixture_molecule(collection_root, tmp_path_factory):
    """Run one scenario on the lab's hosts, which are brought up once and stay up between scenarios."""
    lab = collection_root / "lab/lab"
    subprocess.run([lab, "up"], check=True, stdin=subprocess.DEVNULL, timeout=900)
    inventory = subprocess.run([lab, "inventory", "--path"], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    # What Molecule remembers of the hosts goes when they go.
    memory = os.path.join(os.path.dirname(inventory), "molecule")
    environment = dict(os.environ, LAB_INVENTORY=inventory, MOLECULE_EPHEMERAL_DIRECTORY=memory, ANSIBLE_NOCOLOR="1", NO_COLOR="1")
    outputs = tmp_path_factory.mktemp("molecule")

    def processes():
        """Tell what runs on each host, for whoever wonders what a scenario waited for."""
        for host in ("controller1", "node1", "node2"):
            with contextlib.suppress(subprocess.SubprocessError):
                done = subprocess.run([lab, "ssh", host, PROCESSES], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
                yield "%s:\n%s%s" % (host, done.stdout, done.stderr)

    def run(scenario, sequence="test", limit=LIMIT, inside=(), **variables):
        path = outputs / scenario
        command = [*inside, "molecule", sequence, "--scenario-name", scenario]
        # Output goes to a file: a program left in the background would keep a pipe open.
        with path.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=collection_root,
                env=dict(environment, **variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                ended = "ended with %d" % process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                ended = "took longer than %d s; then these ran on the hosts:\n%s\nand it had printed" % (limit, "\n".join(processes()))
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM if process.returncode is None else signal.SIGKILL)
                process.wait(timeout=60)
        if process.returncode:
            pytest.fail("%s %s:\n%s" % (" ".join(map(str, command)), ended, path.read_text()[-20000:]), pytrace=False)
        environment["LAB_IS_PREPARED"] = "yes"

    return run


def test_roles_make_controller_and_nodes_and_their_first_check_mode_run_changes_nothing(molecule, prepared):
    prepared.discard("site")
    molecule("roles")
    prepared.add("site")


def test_volumes_are_made_cloned_and_extended_as_check_mode_foretold(molecule):
    molecule("volume")


def test_a_snapshot_becomes_a_larger_volume_and_protects_its_source(molecule):
    molecule("snapshot")


def test_each_node_attaches_through_multipath_and_a_mounted_volume_is_not_taken_away(molecule):
    molecule("attachment")


@pytest.mark.extra
def test_on_what_the_roles_made_check_mode_foretells_no_change(molecule, prepared):
    if "site" not in prepared:
        molecule("roles")
        prepared.add("site")
    molecule("roles", "side-effect")


@pytest.mark.extra
@pytest.mark.parametrize("protocol", ["nfs", "rbd", "iscsi", "local", "aoe", "drbd"])
def test_a_node_attaches_mounts_extends_and_detaches_by_every_protocol_and_nothing_is_left(molecule, prepared, protocol):
    prepared.discard("site")  # some apply the roles with other variables
    molecule(protocol)


@pytest.fixture(name="cluster")
def fixture_cluster(molecule, collection_root, tmp_path):
    """A Kubernetes cluster of which node1 is a node; afterwards host and machine are without it."""
    cluster = Cluster(collection_root, tmp_path)
    try:
        cluster.up(bare=True)
        yield cluster
    finally:
        cluster.down()


@pytest.mark.extra
@pytest.mark.timeout(2 * STACK_LIMIT)  # the cluster's servers may have to be built first
def test_bare_hosts_become_a_stack_whose_pod_writes_to_the_backend_through_an_upgrade_and_are_bare_again(molecule, cluster, prepared):
    prepared.discard("site")  # and it is the last scenario: the others may rely on what the first one made
    molecule("stack", limit=STACK_LIMIT, inside=[cluster.root / "lab/lab", "exec", "--"], **cluster.variables)
    assert [cluster.leftovers(node) for node in ("node1", "node2")] == [{}, {}]
    gone = "cannot be read"  # the store
    assert cluster.leftovers_on_controller() == {"unsettled operations": gone, "exports": gone}
