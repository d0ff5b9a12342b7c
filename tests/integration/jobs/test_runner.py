# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as AWX runs them: by ansible-runner, with the survey's answers as extra variables and credentials as files."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import DRIVER, PASSWORD

pytestmark = pytest.mark.extra  # whole playbooks, many of them

NEW = "canary-rotated-password"


class Runner:
    """A private data directory as AWX makes one for a job: project, inventory, env, and the files of credentials."""

    def __init__(self, root, rack, collection_root):
        self.root = root
        for folder in ("env", "inventory"):
            (root / folder).mkdir(parents=True)
        (root / "project").symlink_to(collection_root)
        rack.write_inventory(root / "inventory" / "hosts.yml")
        (root / "env" / "cmdline").write_text("-vvv --diff")
        (root / "env" / "envvars").write_text(json.dumps({"ANSIBLE_LOCAL_TEMP": str(root / "local"), "ANSIBLE_REMOTE_TEMP": str(root / "remote")}))
        jobs = yaml.safe_load((collection_root / "roles/awx/vars/main/jobs.yml").read_text())["awx_jobs"]
        self.surveys = {job["playbook"]: job["survey"] for job in jobs}
        self.number = 0

    def launch(self, playbook, credentials=None, **answers):
        """Answer a job's survey and run it: {variable: text} for credentials that are files. Return (status, changed tasks, output)."""
        survey = self.surveys[playbook]
        assert set(answers) <= {question["variable"] for question in survey}
        assert {question["variable"] for question in survey if question["required"]} <= set(answers)
        extravars = dict({question["variable"]: question["default"] for question in survey}, **answers)
        files = []
        for variable, text in (credentials or {}).items():
            files.append(self.root / "env" / ("credential-" + variable))
            files[-1].write_text(text)
            files[-1].chmod(0o600)
            extravars[variable] = str(files[-1])
        (self.root / "env" / "extravars").write_text(json.dumps(extravars))
        self.number += 1
        ident = "job-%d" % self.number
        done = subprocess.run(
            ["ansible-runner", "run", str(self.root), "--ident", ident, "--playbook", "playbooks/%s.yml" % playbook],
            env=dict(os.environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )
        for path in files:
            path.unlink()
        artifacts = self.root / "artifacts" / ident
        events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("*.json")]
        ended = [event["event_data"] for event in events if event["event"] == "runner_on_ok"]
        changed = sorted({data["task"] for data in ended if data["res"].get("changed")})
        return (artifacts / "status").read_text(), changed, done.stdout + done.stderr

    def leaks(self, word):
        """Return the files that a job left behind and that hold a word: events, output, facts, whatever there is."""
        paths = [path for path in (self.root / "artifacts").rglob("*") if path.is_file()]
        assert any(path.name == "stdout" for path in paths) and any(path.parent.name == "job_events" for path in paths)
        return [str(path) for path in paths if word.encode() in path.read_bytes()]


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
