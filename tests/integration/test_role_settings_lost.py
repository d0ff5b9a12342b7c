# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role controller on a host whose settings are gone: it begins with an empty store only where nothing tells of another one."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import run_playbook


@pytest.fixture(name="lost")
def fixture_lost(controller):
    """A controller that knows a volume, and whose settings are gone."""
    assert not controller.ensure("volume", backend="one", name="data", size="1").get("failed")
    controller.config.unlink()
    return controller


def make_environment(root):
    """Make an environment that the role may install into, with what the controller's has; return its path."""
    there = os.environ["BLS_CONTROLLER_PYTHON"]
    made = root / "environment"
    subprocess.run([there, "-m", "venv", "--without-pip", str(made)], check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    (lent,) = subprocess.run([there, "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    (own,) = subprocess.run([str(made / "bin" / "python"), "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    with open(os.path.join(own, "lent.pth"), "w", encoding="utf-8") as stream:
        stream.write(lent + "\n")
    return made


def apply_store(controller, url, check=False, **changes):
    """Run the role's part that looks after the store."""
    settings = {
        "controller_config": str(controller.config),
        "controller_state_dir": str(controller.root / "state"),
        "controller_key_file": str(controller.root / "etc" / "store.key"),
        "controller_environment": str(controller.root / "not-there-yet"),
        "controller_pinned_environment": str(controller.root / "environment"),
        "controller_store_url": url,
    }
    task = {"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.controller", "tasks_from": "store.yml"}}
    return run_playbook(controller.root, [task], check=check, extra_vars=dict(settings, **changes), ignore_errors=False)


def said(played):
    """Return what a play printed, on one line."""
    return " ".join(played.output.split())


def test_another_store_is_refused_where_a_store_or_a_key_tells_of_one_and_the_same_is_taken_up_again(lost):
    there, other = lost.settings["store_url"], "sqlite:///%s/state/other.sqlite" % lost.root
    store, key = lost.root / "state" / "store.sqlite", lost.root / "etc" / "store.key"
    assert apply_store(lost, there).code == 0, "nothing but the settings is gone"
    make_environment(lost.root)
    for gone in ([], [key], [store]):
        away = [path.rename(path.with_suffix(".away")) for path in gone]
        refused = apply_store(lost, other)
        assert refused.code == 2 and "%s knows nothing" % other in said(refused) and "Nothing was changed" in said(refused), refused.output
        assert all(str(path) in refused.output for path in (store, key) if path not in gone)
        assert apply_store(lost, other, controller_store_lost=True).code == 0
        for path, before in zip(away, gone):
            path.rename(before)
    assert apply_store(lost, other, check=True).code == 2, "check mode foresees it"
    assert not (lost.root / "state" / "other.sqlite").exists() and not lost.config.exists()
    away = apply_store(lost, "postgresql://somebody:canary@127.0.0.1:1/store")
    assert away.code == 2 and "somebody@127.0.0.1:1/store cannot be asked" in said(away) and "canary" not in away.output, away.output


def test_a_store_elsewhere_that_was_made_before_is_taken_up_again(lost, make_controller):
    make_environment(lost.root)
    other = make_controller("other")
    assert apply_store(lost, other.settings["store_url"]).code == 0, "as after a move, when the old file is still here"


def test_a_new_host_begins_with_an_empty_store(make_controller):
    new = make_controller("new", ready=False)
    new.config.unlink()
    for left in (new.root / "state", new.root / "etc" / "store.key"):
        assert not left.exists()
    played = apply_store(new, new.settings["store_url"])
    assert played.code == 0 and "changed=0 " in played.output, played.output
