# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin legacy_attachments by real ansible-inventory runs."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import subprocess
import threading

import yaml

PLUGIN = "baremetal.legacy_storage.legacy_attachments"
VOLUMES = [
    {"backend": "vendor-a", "name": "data", "id": "0f5b", "size": 100, "attached_to": ["node1"], "metadata": {"note": "{{ lookup('env', 'HOME') }}"}},
    {"backend": "vendor-b", "name": "logs", "id": "7a11", "size": 10, "attached_to": ["node1", "node2"], "metadata": {}},
    {"backend": "vendor-b", "name": "free", "id": "7a12", "size": 10, "attached_to": [], "metadata": {}},
]


def inventory(folder, source, **variables):
    """Return (what ansible-inventory --list says, its error output)."""
    (folder / "storage.legacy_attachments.yml").write_text(yaml.safe_dump(dict({"plugin": PLUGIN}, **source)))
    settings = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_INVENTORY_UNPARSED_FAILED="1", **variables)
    command = ["ansible-inventory", "-i", "storage.legacy_attachments.yml", "--list"]
    done = subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    return plain(json.loads(done.stdout)) if done.returncode == 0 else None, " ".join(done.stderr.split())


def plain(told):
    """Return what was told without ansible-inventory's marks on texts that are no templates, after looking that each text from the listing has one."""
    if isinstance(told, dict):
        return told["__ansible_unsafe"] if set(told) == {"__ansible_unsafe"} else {key: plain(value) for key, value in told.items()}
    if isinstance(told, list):
        return [plain(value) for value in told]
    assert not isinstance(told, str) or "{{" not in told, told
    return told


def write(folder, volumes=None):
    """Write the listing."""
    (folder / "attachments.json").write_text(json.dumps({"volumes": VOLUMES if volumes is None else volumes}))


@contextlib.contextmanager
def web(folder, token):
    """Serve a folder to whoever knows the token; yields the address and the paths that were asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.headers.get("Authorization") != "Bearer " + token:
                self.send_error(401)
            else:
                super().do_GET()

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://127.0.0.1:%d" % server.server_port, asked
        server.shutdown()


def test_hosts_groups_and_variables_come_from_what_is_attached_and_its_metadata_is_no_template(tmp_path):
    write(tmp_path)
    constructed = {
        "keyed_groups": [{"key": "legacy_attachments | map(attribute='volume_name')", "prefix": "volume"}],
        "groups": {"much_storage": "legacy_attachments | map(attribute='size') | sum > 100"},
        "compose": {"storage_gib": "legacy_attachments | map(attribute='size') | sum"},
        "strict": True,
    }
    told, errors = inventory(tmp_path, dict(constructed, listing="attachments.json"))
    assert told, errors
    groups = {name: sorted(group["hosts"]) for name, group in told.items() if "hosts" in group}
    assert groups == {
        "legacy_attachments": ["node1", "node2"], "legacy_backend_vendor_a": ["node1"], "legacy_backend_vendor_b": ["node1", "node2"],
        "volume_data": ["node1"], "volume_logs": ["node1", "node2"], "much_storage": ["node1"],
    }
    node1 = told["_meta"]["hostvars"]["node1"]
    assert int(node1["storage_gib"]) == 110  # a text with ansible-core 2.16
    data = node1["legacy_attachments"][0]
    assert (data["backend"], data["volume_name"], data["size"], data["path"]) == ("vendor-a", "data", 100, "/dev/disk/by-id/legacy-storage-0f5b")
    assert data["metadata"]["note"] == "{{ lookup('env', 'HOME') }}"


def test_a_listing_comes_from_a_web_server_with_a_token_and_is_cached_when_asked(tmp_path):
    write(tmp_path)
    with web(tmp_path, "canary-token") as (address, asked):
        cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
        source = dict(cached, listing=address + "/attachments.json")
        refused, errors = inventory(tmp_path, source)
        assert refused is None
        assert "listing: %s/attachments.json cannot be used" % address in errors and "401" in errors
        for _time in range(2):
            told, errors = inventory(tmp_path, source, LEGACY_ATTACHMENTS_TOKEN="canary-token")
            assert sorted(told["_meta"]["hostvars"]) == ["node1", "node2"], errors
    assert len(asked) == 2, "the second time it was in the cache"
    assert not any("canary-token" in path.read_text() for path in (tmp_path / "cache").iterdir())


def test_on_the_controller_its_worker_is_asked(tmp_path, controller, connector):
    controller.ensure("volume", backend="one", name="data", size="1")
    controller.ensure("export", backend="one", volume="data", connector=connector("node7"))
    told, errors = inventory(tmp_path, {"controller_config": str(controller.config)})
    assert told, errors
    assert told["legacy_backend_one"]["hosts"] == ["node7"]
    assert told["_meta"]["hostvars"]["node7"]["legacy_attachments"][0]["volume_name"] == "data"


def test_what_cannot_be_is_refused_naming_it(tmp_path):
    write(tmp_path, [dict(VOLUMES[0], size="much")])
    for source, words in [
        ({"listing": "attachments.json"}, "volumes[0].size must be a number"),
        ({"listing": "nowhere.json"}, "nowhere.json cannot be used"),
        ({}, "give either listing or controller_config"),
        ({"controller_config": "/nowhere/controller.json"}, "controller_config: "),
    ]:
        told, errors = inventory(tmp_path, source)
        assert told is None
        assert words in errors, errors
