# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as AWX runs them, by their surveys: they do their work once, and leave no secret behind. Those on Kubernetes' nodes: ../kubernetes/test_nodes.py."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import DRIVER, PASSWORD
from ansible_collections.baremetal.legacy_storage.tests.integration.jobs.runner import Runner

pytestmark = pytest.mark.extra  # whole playbooks, many of them

NEW = "canary-rotated-password"


@pytest.fixture(name="runner")
def fixture_runner(tmp_path, rack, collection_root):
    """A runner on the rack, whose inventory takes the array's secrets from the file of a credential, as docs/awx.md tells."""
    backend = {
        "name": "one", "driver": DRIVER, "options": {"sparse_files_dir": str(rack.controller.array)},
        "secret_options": "{{ (lookup('ansible.builtin.file', legacy_storage_secrets_file) | from_yaml).one }}",
    }
    rack.inventory["all"]["children"]["storage_controllers"]["vars"]["controller_backends"] = [backend]
    return Runner(tmp_path / "runner", rack, collection_root)


def test_jobs_run_by_their_surveys_do_their_work_once_and_leave_no_secret_in_artifacts(rack, runner):
    data = {"attach_backend": "one", "attach_volume": "data", "attach_node": "node1", "attach_fstype": "ext4"}
    status, changed, output = runner.launch("attach_volume", **data)
    assert (status, changed) == ("successful", ["Attach it", "Make the file system"]), output
    grow = {"grow_backend": "one", "grow_volume": "data", "grow_size": "2GiB"}
    status, changed, output = runner.launch("grow_volume", **grow)
    assert (status, changed) == ("successful", ["Let it fill the device", "Let the volume grow"]), output
    status, changed, output = runner.launch("grow_volume", **grow)
    assert (status, changed) == ("successful", []), output
    status, changed, output = runner.launch("nightly_snapshots", nightly_backend="one", nightly_volumes="data, ", nightly_keep=3)
    assert (status, changed) == ("successful", ["Take tonight's snapshots"]), output
    assert len(rack.snapshots()) == 1
    status, _changed, output = runner.launch("grow_volume", **dict(grow, grow_size="1GiB"))
    assert status == "failed"
    assert "Volumes never shrink" in output
    assert runner.leaks("canary") == []


def test_a_password_that_comes_as_a_credentials_file_is_rotated_once_and_is_in_no_artifact(rack, runner):
    credentials = {
        "legacy_storage_secrets_file": yaml.safe_dump({"one": {"sparse_files_password": PASSWORD}}),
        "rotate_secrets_file": yaml.safe_dump({"sparse_files_password": NEW}),
    }
    status, changed, output = runner.launch("rotate_array_password", credentials, rotate_backend="one")
    assert (status, changed) == ("successful", ["Log in with them, and save them"]), output
    status, changed, output = runner.launch("rotate_array_password", credentials, rotate_backend="one")
    assert (status, changed) == ("successful", []), output
    with rack.controller.fault("check_for_setup_error", "wrong password %(sparse_files_password)s"):
        again = dict(credentials, rotate_secrets_file=yaml.safe_dump({"sparse_files_password": "canary-wrong"}))
        status, changed, output = runner.launch("rotate_array_password", again, rotate_backend="one")
    assert (status, changed) == ("failed", []), output
    assert runner.leaks("canary") == []


def test_a_report_outlives_its_job_on_the_host_that_the_survey_names(rack, runner):
    page = rack.root / "node1" / "storage.html"
    status, changed, output = runner.launch("report", report_host="node1", report_path=str(page), report_mode="0644")
    assert (status, changed) == ("successful", ["Write it there"]), output
    assert page.stat().st_mode & 0o777 == 0o644
    assert "told by controller1" in page.read_text()
    status, changed, output = runner.launch("report", report_host="node1", report_path="storage.html")
    assert (status, changed) == ("failed", []), output
    assert "it must be an absolute path" in output
    status, changed, output = runner.launch("report", report_host="nobody", report_path=str(page))
    assert (status, changed) == ("failed", []), output
    assert "report_host: nobody is not in the inventory" in output
    assert runner.leaks("canary") == []
