# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be checked of the lab without one. Run: python3 -m unittest discover lab/tests"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labtool import identity, inventory, processes  # noqa: E402
from labtool.errors import LabError  # noqa: E402
from labtool.paths import Paths, read_json  # noqa: E402
from labtool.topology import MAX_NODES, NETWORKS, hosts  # noqa: E402

PATHS = Paths(Path('/checkout'), Path('/cache'))


class Topology(unittest.TestCase):
    """The largest lab must still fit."""

    def test_names_and_addresses_are_unique_and_fit(self):
        """An interface name has 15 characters at most; an address is used once."""
        specs = hosts(MAX_NODES)
        taps = [spec.tap(network) for spec in specs for network in NETWORKS]
        addresses = [spec.address(network) for spec in specs for network in NETWORKS]
        self.assertEqual(len(taps), len(set(taps)))
        self.assertEqual(len(addresses), len(set(addresses)))
        self.assertLessEqual(max(map(len, taps)), 15)
        self.assertTrue(all(int(address.rpartition('.')[2]) < 255 for address in addresses))


class Naming(unittest.TestCase):
    """Two checkouts never share a lab."""

    def test_checkout_and_cache_decide_the_key(self):
        """Another checkout or another cache is another lab."""
        keys = {PATHS.key, Paths(Path('/other'), Path('/cache')).key, Paths(Path('/checkout'), Path('/other')).key}
        self.assertEqual(len(keys), 3)

    def test_the_emulated_machine_has_a_lab_of_its_own(self):
        """It must not end the other one's hosts, nor write over their keys."""
        self.assertNotEqual(PATHS.emulated.key, PATHS.key)
        self.assertEqual(PATHS.emulated.images, PATHS.images)

    def test_a_cache_too_deep_for_sockets_is_refused(self):
        """The error comes before anything is made."""
        with mock.patch.dict(os.environ, {'BLS_CACHE': '/' + 'x' * 90}):
            self.assertRaisesRegex(LabError, 'BLS_CACHE', Paths.of_this_checkout)

    def test_a_file_cut_short_reads_as_empty(self):
        """A crash while writing must not stop `down`."""
        self.assertEqual(read_json(Path('/dev/null')), {})


class Inventory(unittest.TestCase):
    """The inventory says how to reach every host."""

    def test_groups_and_addresses(self):
        """One controller, the nodes, and each one's storage addresses."""
        groups = inventory.data(PATHS, hosts(2))['all']['children']
        self.assertEqual(list(groups['storage_controllers']['hosts']), ['controller1'])
        self.assertEqual(groups['storage_nodes']['hosts']['node2'],
                         {'ansible_host': '172.30.0.12', 'storage_addresses': ['172.30.1.12', '172.30.2.12']})

    def test_every_line_is_a_key_or_a_json_value(self):
        """JSON's scalars and lists are YAML; nothing else is printed."""
        for line in inventory.render(PATHS, hosts(1)).splitlines():
            found = re.fullmatch(r'(?:#.*|\s*[a-z0-9_]+:(?: (.+))?)', line)
            self.assertIsNotNone(found, line)
            if found.group(1):
                json.loads(found.group(1))


class Identity(unittest.TestCase):
    """What a host finds on its configuration disk."""

    def test_every_possible_host_is_in_the_hosts_file(self):
        """A node that is added later is known to those that run."""
        text = identity.hosts_file(hosts(1)[0])
        self.assertIn(f'172.30.0.{10 + MAX_NODES} node{MAX_NODES}\n', text)


class Processes(unittest.TestCase):
    """Only what is ours is ended."""

    def test_a_pid_given_to_another_process_is_not_ours(self):
        """The start time tells them apart."""
        child = subprocess.Popen(['sleep', '60'], start_new_session=True)
        try:
            ours = processes.find(child.pid)
            other = processes.Process(child.pid, ours.started - 1)
            self.assertFalse(other.alive())
            self.assertEqual(processes.session_of(other), [])
            other.kill(9)
            self.assertTrue(ours.alive())
            self.assertEqual(processes.session_of(ours), [ours])
        finally:
            child.kill()
            child.wait()
        self.assertFalse(ours.alive())


if __name__ == '__main__':
    unittest.main()
