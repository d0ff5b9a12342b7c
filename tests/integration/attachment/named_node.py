# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a node's worker under names of its own: ``named_node.py HOST -m MODULE ARGUMENT...``

The nodes of a rack are one machine. Where that has an iSCSI initiator name, NVMe names or Fibre Channel adapters, all of its nodes would
have the same ones, as hosts cloned from one image do, and a controller refuses such hosts. A folder ``BLS_TEST_KERNEL`` in the environment is a kernel made
of files, for a node that is to have devices.
"""

from __future__ import annotations

import os
import runpy
import sys
import uuid

from os_brick import utils
from os_brick.initiator.connectors.fibre_channel import FibreChannelConnector
from os_brick.initiator.connectors.iscsi import ISCSIConnector

HOST, _OPTION, MODULE = sys.argv[1:4]
ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, HOST))

FibreChannelConnector.get_connector_properties = lambda *_arguments, **_keywords: {}
ISCSIConnector.get_initiator = lambda _connector: "iqn.2026-01.example.rack:" + HOST
utils.get_host_nqn = lambda *_system: "nqn.2014-08.org.nvmexpress:uuid:" + ID  # it would write the machine's /etc/nvme
utils.get_nvme_host_id = lambda *_system: ID
if "BLS_TEST_KERNEL" in os.environ:
    from ansible_collections.baremetal.legacy_storage.plugins.host import devices

    devices.System.__init__.__defaults__ = (os.environ["BLS_TEST_KERNEL"],)
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
sys.argv[:] = sys.argv[3:]
runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
