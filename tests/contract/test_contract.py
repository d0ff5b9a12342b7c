# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What we rely on in cinder, cinderlib and os-brick holds in the versions that this lane installs.

A failure says which assumption broke, in which files it is made, and what was found instead.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PYTHONS = {
    "controller": "BLS_CONTROLLER_PYTHON",
    "cinderlib_changes": "BLS_CONTROLLER_PYTHON",
    "drivers": "BLS_CONTROLLER_PYTHON",
    "remotefs_and_lvm": "BLS_CONTROLLER_PYTHON",
    "replication": "BLS_CONTROLLER_PYTHON",
    "node": "BLS_NODE_PYTHON",
    "connections": "BLS_NODE_PYTHON",
    "fabric_fc": "BLS_NODE_PYTHON",
    "fabric_nvme": "BLS_NODE_PYTHON",
    "products": "BLS_NODE_PYTHON",
}
VERSIONS = (
    "import importlib.metadata as m; found = {d.metadata['Name']: d.version for d in m.distributions()}; "
    "print(', '.join('%s %s' % (n, found[n]) for n in ('cinder', 'cinderlib', 'os-brick', 'oslo.versionedobjects', 'oslo.config') if n in found))"
)

sys.path.insert(0, str(HERE))
try:
    for name in PYTHONS:
        importlib.import_module(name)
    CHECKS = dict(importlib.import_module("relied_on").CHECKS)
finally:
    sys.path.remove(str(HERE))


def run_there(contract, folder, *arguments):
    """Run Python in a contract's environment, with the collection and the file-backed driver at hand; return what it prints."""
    paths = [os.environ["PYTHONPATH"], str(HERE), str(HERE.parent / "integration" / "drivers")]
    settings = dict(
        os.environ, PYTHONPATH=os.pathsep.join(paths), PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore", CONTRACT_DIR=str(folder)
    )
    done = subprocess.run(
        [os.environ[PYTHONS[contract]], *arguments],
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session", name="found")
def fixture_found(tmp_path_factory):
    """Give {check: what was found instead, or None} of a contract; each is run once."""

    @functools.lru_cache(maxsize=None)
    def found(contract):
        folder = tmp_path_factory.mktemp(contract)
        return json.loads(run_there(contract, folder, str(HERE / "relied_on.py"), contract)), run_there(
            contract, folder, "-c", VERSIONS
        ).strip()

    return found


@pytest.mark.parametrize(("contract", "check"), [(contract, check) for contract, checks in CHECKS.items() for check in checks])
def test_what_we_rely_on_holds(found, contract, check):
    outcomes, versions = found(contract)
    function, users = CHECKS[contract][check]
    instead = outcomes[check]
    if instead is not None:
        pytest.fail(
            "No longer true with %s:\n  %s\nRelied on in %s.\nFound instead: %s" % (versions, function.__doc__, ", ".join(users), instead),
            pytrace=False,
        )


@pytest.mark.parametrize(
    ("contracts", "change", "checks"),
    [
        (
            ["controller", "cinderlib_changes", "remotefs_and_lvm", "replication"],
            "import cinderlib, cinder.exception as e; e.VolumeNotFound.__bases__ = (e.CinderException,); del cinderlib.Backend._start_creating_volume",
            ["drivers_find_volumes_in_our_store", "a_missing_thing_is_not_found"],
        ),
        (
            ["node"],
            "import os_brick.initiator.connectors.iscsi as i; del i.ISCSIConnector._connect_single_volume.__wrapped__",
            ["retries_can_be_taken_off"],
        ),
    ],
    ids=["controller", "node"],
)
def test_broken_assumptions_are_found_and_no_others(tmp_path, contracts, change, checks):
    code = change + "\nimport json, relied_on\nprint(json.dumps([relied_on.run(contract) for contract in %r]))" % contracts
    outcomes = json.loads(run_there(contracts[0], tmp_path, "-c", code))
    assert [name for contract in outcomes for name, instead in contract.items() if instead] == checks
