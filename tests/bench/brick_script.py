# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody would write with os-brick alone: connect the volume whose connection_info is in a file, or disconnect it.

python brick_script.py connect|disconnect FILE
"""

from __future__ import annotations

import json
import sys

import os_brick
from os_brick import privileged
from os_brick.initiator import connector
from oslo_concurrency import lockutils
from oslo_config import cfg


def main(action, path):
    """Connect or disconnect, with multipath."""
    with open(path, encoding="utf-8") as stream:
        data = json.load(stream)["data"]
    lockutils.set_defaults(lock_path="/run/lock")
    cfg.CONF([], project="bench", default_config_files=[], default_config_dirs=[])
    cfg.CONF.set_override("lock_path", "/run/lock", group="oslo_concurrency")
    os_brick.setup(cfg.CONF)
    privileged.default.set_client_mode(False)
    brick = connector.InitiatorConnector.factory("ISCSI", "", use_multipath=True)
    if action == "connect":
        print(json.dumps(brick.connect_volume(data)))
    else:
        brick.disconnect_volume(data, {}, force=False, ignore_errors=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
