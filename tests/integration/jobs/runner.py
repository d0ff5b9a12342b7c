# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as AWX runs them: by ansible-runner, with the survey's answers as extra variables and credentials as files."""

from __future__ import annotations

import json
import os
import subprocess

import yaml


class Runner:
    """A private data directory as AWX makes one for a job: project, inventory, env, and the files of credentials.

    ``environment`` is what jobs find in theirs, where a credential gives something to it.
    """

    def __init__(self, root, rack, collection_root):
        self.root = root
        for folder in ("env", "inventory"):
            (root / folder).mkdir(parents=True)
        (root / "project").symlink_to(collection_root)
        rack.write_inventory(root / "inventory" / "hosts.yml")
        (root / "env" / "cmdline").write_text("-vvv --diff")
        self.environment = {"ANSIBLE_LOCAL_TEMP": str(root / "local"), "ANSIBLE_REMOTE_TEMP": str(root / "remote")}
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
        (self.root / "env" / "envvars").write_text(json.dumps(self.environment))
        self.number += 1
        ident = "job-%d" % self.number
        done = subprocess.run(
            ["ansible-runner", "run", str(self.root), "--ident", ident, "--playbook", "playbooks/%s.yml" % playbook],
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
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
