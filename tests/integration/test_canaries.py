# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module and every operation under ansible-runner with -vvv: no secret in output, artifacts, facts, stores, logs or command lines.

Secrets come in as extra vars from a file, and each begins with "canary-"; so do those that the driver makes up for itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.controller.execute.executor import ACTIONS
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import short_path
from ansible_collections.baremetal.legacy_storage.tests.integration.kubernetes.conftest import Cluster, make_fake
from ansible_collections.baremetal.legacy_storage.tests.integration.test_volumes_from_images import serving
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD as STORE_PASSWORD

CANARY = b"canary-"
ENCODED = b"Y2FuYXJ5"  # as a Secret of Kubernetes has it
HERE = Path(__file__).resolve().parent
NAMESPACE = "baremetal.legacy_storage."
SETTLING = ("undo_", "finish_", "forget", "fail_", "record_", "confirm_", "close", "clean_up")  # most of them happen here as well


def backend(name, root, **more):
    options = {"sparse_files_dir": str(root / "array")}
    secret = {"sparse_files_password": "{{ password }}"}
    return {"legacy_backend": dict({"name": name, "driver": "sparse_files.SparseFileDriver", "options": options, "secret_options": secret}, **more)}


def volume(name, **more):
    return {"legacy_volume": dict({"backend": "one", "name": name}, **more)}


def snapshot(name, **more):
    return {"legacy_snapshot": dict({"backend": "one", "name": name, "volume": "data"}, **more)}


def group_snapshot(**more):
    return {"legacy_group_snapshot": dict({"backend": "array", "name": "many"}, **more)}


def replicated(root):
    (root / "target").mkdir(exist_ok=True)
    device = {"backend_id": "beta", "directory": str(root / "target"), "password": "{{ password }}-target"}
    options = {"sparse_files_dir": str(root / "array")}
    secret = {"replication_device": [device], "sparse_files_password": "{{ password }}"}
    return {"legacy_backend": {"name": "pair", "driver": "replicated_files.ReplicatedFileDriver", "options": options, "secret_options": secret}}


def failover(**more):
    return {"legacy_backend_failover": dict({"name": "pair"}, **more)}


def export(**more):
    return {"legacy_export": dict({"backend": "one", "volume": "data", "connector": "{{ node.connector }}"}, **more)}


def image(name, **more):
    return {"legacy_image": dict({"backend": "one", "path": "{{ images }}/" + name}, **more)}


def repository(**more):
    secret = {"AWS_SECRET_ACCESS_KEY": "{{ password }}-object-store"}
    parameters = {"name": "offsite", "location": "{{ images }}/backups", "password": "{{ password }}-restic", "secret_environment": secret}
    return {"legacy_backup_repository": dict(parameters, **more)}


def backup(**more):
    task = {"legacy_backup": dict({"repository": "offsite", "name": "monday", "backend": "one", "volume": "data"}, **more)}
    return dict(task, environment={"BLS_TEST_BACKUP_BYTES": "8388608"})


def attachment(**more):
    return {"legacy_attachment": dict({"backend": "one", "volume": "data", "controller": "controller1"}, **more)}


def chap_secret(root):
    """The Secret ends in a fake cluster, which is not searched: it is the one place where the credentials belong."""
    parameters = {"controller": "controller1", "connectors": ["{{ node.connector }}"], "backend": "san", "volume": "orders", "name": "orders-chap"}
    return {"legacy_chap_secret": dict(parameters, namespace="kube-system", kubernetes={"kubeconfig": str(root.parent / "cluster.json")})}


def killed(point, task):
    """The task, killed at a point; what it leaves is settled by the next one."""
    return dict(task, environment={"BLS_TEST_KILL_AT": point}, ignore_errors=True)


def failing(task):
    """A task that fails."""
    return dict(task, ignore_errors=True)


def fetched(url, **more):
    """A volume from an image behind a password."""
    return volume("fetched", source_image=url + "disk.qcow2", image_url_username="me", **more)


def rotation():
    """The steps of a rotation of the key."""
    return [{"legacy_store_key": {"step": step}} for step in ("add", "use", "reencrypt", "drop")]


def show(name):
    return {"ansible.builtin.debug": {"var": name}}


GONE = {"state": "absent"}


def tasks(root, web, database):
    """Return the tasks. A new module or operation needs its task here: a test compares.

    :param web: URL of a server that wants the password canary-extra-variable-web. :param database: URL of an empty database, which wants one as well.
    """
    exported = {"path": str(root / "state" / "exported"), "passphrase": "{{ password }}-passphrase"}
    unmapped = {"legacy_export": dict(GONE, backend="one", volume="data", host="node1")}
    return [
        dict({"legacy_connector_info": {}}, register="node"),
        backend("one", root),
        backend("one", root, options={"sparse_files_dir": str(root / "array"), "sparse_files_capacity": 7}),
        backend("two", root),
        {"legacy_backend": dict(GONE, name="two")},
        failing(backend("wrong", root, secret_options={"sparse_files_passwort": "{{ password }}"})),
        failing(backend("wrong", root, options={"sparse_files_dir": "/nowhere"})),
        {"legacy_backend_info": {"refresh": True}},
        {"legacy_driver_info": {"names": ["sparse_files.SparseFileDriver"]}},
        {"legacy_preflight_info": {}},
        dict({"legacy_runtime": {"python": str(root / "none" / "python")}}, check_mode=True),
        killed("after create_volume", volume("data", size=1)),
        volume("data", size=1, metadata={"a": "b"}),
        volume("data", metadata={"a": "c"}),
        volume("data", size=2),
        killed("after extend_volume", volume("data", size=3)),
        volume("data", size=3),
        volume("grown", size=1),
        killed("before extend_volume", volume("grown", size=2)),
        volume("grown", state="absent"),
        volume("gone", size=1),
        killed("before delete_volume", volume("gone", state="absent")),
        volume("gone", state="absent"),
        killed("after create_snapshot", snapshot("snap")),
        snapshot("snap"),
        snapshot("snap", metadata={"a": "b"}),
        volume("copy", source_snapshot="snap"),
        killed("before delete_snapshot", snapshot("snap", state="absent")),
        snapshot("snap"),
        snapshot("snap", state="absent"),
        killed("after initialize_connection", export()),
        dict(export(), register="exported"),
        export(renew=True),
        show("exported"),
        killed("before initialize_connection", export(connector="{{ other }}")),
        export(connector="{{ other }}"),
        export(),
        killed("before terminate_connection", unmapped),
        export(),
        unmapped,
        failing(attachment(encryption={"key": "{{ password }}-luks", "previous_key": "{{ password }}-luks-before"})),  # files are not encrypted
        failing({"legacy_connection": {"export": "{{ exported.export }}", "encryption": {"key": "{{ password }}-luks"}}}),
        dict(attachment(), register="attached"),
        show("attached"),
        dict({"legacy_connector_info": {}}, register="seen"),
        {"legacy_attachment_info": {}},
        {"legacy_export_info": {"host": "node1"}},
        {"legacy_doctor": {"nodes": [{"name": "node1", "connector": "{{ seen.connector }}", "attachments": "{{ seen.attachments }}"}], "mend": True}},
        {"legacy_connection": {"connections": [{"volume_id": "{{ exported.export.volume_id }}", "state": "absent"}]}},
        attachment(state="absent"),
        {"legacy_volume_info": {}},
        {"legacy_snapshot_info": {}},
        volume("copy", state="absent"),
        volume("renamed", renamed_from="data"),
        volume("data", renamed_from="renamed"),
        snapshot("snap"),
        {"legacy_snapshot": {"backend": "one", "name": "kept", "renamed_from": "snap"}},
        volume("data", revert_to="kept"),
        {"legacy_snapshot": dict(GONE, backend="one", name="kept")},
        volume("data", qos_specs={"iops": "9"}),
        image("data.qcow2", volume="data"),
        image("data.qcow2", volume="data", force=["existing"]),
        {"legacy_image_info": {"path": str(root / "data.qcow2"), "verify": True}},
        volume("imaged", source_image=str(root / "data.qcow2")),
        image("data.qcow2", state="absent"),
        fetched(web, image_url_password="{{ password }}-web"),
        failing(volume("again", source_image=web + "disk.qcow2", image_url_username="me", image_url_password="{{ password }}-wrong")),
        backend("two", root),
        volume("imaged", migrate_to={"backend": "two"}),
        dict(volume("lone", size=1), register="lone"),
        volume("lone", state="released"),
        volume("again", adopt={"source-name": "volume-{{ lone.volume.id }}"}),
        dict(snapshot("alone"), register="alone"),
        snapshot("alone", state="released"),
        snapshot("found", adopt={"source-name": "snapshot-{{ alone.snapshot.id }}"}),
        failing(group_snapshot(backend="one", volumes=["data"])),
        backend("array", root, driver="sparse_files.GroupingDriver"),
        {"legacy_volume": {"backend": "array", "name": "log", "size": 1}},
        killed("after create_group_snapshot", group_snapshot(volumes=["log"])),
        group_snapshot(volumes=["log"]),
        group_snapshot(metadata={"a": "b"}),
        group_snapshot(name="all", renamed_from="many"),
        {"legacy_group_snapshot_info": {"backend": "array"}},
        group_snapshot(name="all", state="absent"),
        {"legacy_backend_info": {"name": "one", "candidates": True}},
        repository(),
        repository(environment={"RESTIC_COMPRESSION": "off"}),
        {"legacy_backup_repository_info": {}},
        failing(repository(name="wrong", location="/nowhere/at/all", create=False)),
        backup(),
        {"legacy_backup_info": {"repository": "offsite"}},
        backup(state="restored", force=["restored"]),
        volume("saved", source_backup="monday", source_repository="offsite"),
        {"legacy_backup": dict(GONE, repository="offsite", name="monday")},
        {"legacy_backup_repository": dict(GONE, name="offsite")},
        replicated(root),
        {"legacy_volume": {"backend": "pair", "name": "ledger", "size": 1, "extra_specs": {"replication_enabled": "<is> True"}}},
        killed("after failover_host", failover(state="failed_over")),
        failover(state="failed_over"),
        failover(state="failed_back"),
        failing(failover(state="failed_over", target="gamma")),
        backend("san", root, driver="told_iscsi.ToldIscsiDriver"),
        {"legacy_volume": {"backend": "san", "name": "orders", "size": 1}},
        chap_secret(root),
        {"legacy_store_info": {}},
        {"legacy_store_export": exported},
        *rotation(),
        volume("data", metadata={"a": "since"}),
        failing({"legacy_store_import": exported}),
        failing({"legacy_store_import": dict(exported, passphrase="{{ password }}-wrong")}),
        {"legacy_store_import": dict(exported, replace=True)},
        failing({"legacy_store_move": {"url": "postgresql://nobody@127.0.0.1:1/none", "password": "{{ password }}-database"}}),
        {"legacy_store_move": {"url": database, "password": "{{ store_password }}"}},
        *rotation(),
        {"legacy_store_info": {}},
        backend("late", root),
        {"legacy_volume": {"backend": "late", "name": "late", "size": 1}},
        failing(backend("late", root, secret_options={"sparse_files_passwort": "{{ password }}"})),
    ]


def sings(content):
    """Tell whether there is a canary in some bytes, as it is or as Kubernetes encodes it."""
    return CANARY in content or ENCODED in content


class Room:
    """ansible-runner's private data directory, with inventory, secrets and settings."""

    def __init__(self, root, controller):
        self.root, self.controller = root, controller
        self.argv = root / "argv.log"
        self.cluster = Cluster(controller.root.parent / "cluster.json")
        self.collections = make_fake(root / "fake")
        for folder in ("env", "inventory", "project", "tmp", "node"):
            (root / folder).mkdir(parents=True)
        node = {"python": os.environ["BLS_NODE_PYTHON"], "python_path": [os.environ["PYTHONPATH"]], "host": "node1", "multipath": False, "my_ip": "192.0.2.1"}
        node.update(state_dir=str(root / "node" / "state"), lock_dir=str(root / "node" / "locks"))
        (root / "node" / "node.json").write_text(json.dumps(node))
        variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"all": {"vars": variables, "hosts": {"controller1": {}, "node1": {}}}}
        (root / "inventory" / "hosts.json").write_text(json.dumps(inventory))
        (root / "env" / "extravars").write_text(json.dumps({"password": "canary-extra-variable", "store_password": STORE_PASSWORD}))
        (root / "env" / "settings").write_text(json.dumps({"fact_cache_type": "jsonfile", "job_timeout": 500}))
        (root / "env" / "cmdline").write_text("-vvv --diff")

    def defaults(self, module):
        """Return a module's settings files."""
        node, controller = {"node_config": str(self.root / "node" / "node.json")}, {"controller_config": str(self.controller.config)}
        special = {"legacy_attachment": dict(node, **controller), "legacy_runtime": {}}
        return special.get(module, node if module in NODE_MODULES else controller)

    def run(self, listed):
        """Run tasks in one play."""
        plays = [
            {
                "hosts": "node1",
                "gather_facts": False,
                "vars": {
                    "images": str(self.controller.root),
                    "other": "{{ node.connector | combine({'properties': node.connector.properties | combine({'multipath': true})}) }}",
                },
                "module_defaults": {NAMESPACE + name: self.defaults(name) for task in listed for name in task if name.startswith("legacy_")},
                "tasks": [
                    {"ansible.builtin.set_fact": {"cached": "fact", "cacheable": True}},
                    *({NAMESPACE + key if key.startswith("legacy_") else key: value for key, value in task.items()} for task in listed),
                ],
            }
        ]
        (self.root / "project" / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
        settings = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join([os.environ["PYTHONPATH"], str(HERE / "audit")]),
            ANSIBLE_COLLECTIONS_PATH=self.collections,
            BLS_TEST_ARGV=str(self.argv),
            ANSIBLE_LOCAL_TEMP=str(self.root / "tmp" / "local"),
            ANSIBLE_REMOTE_TEMP=str(self.root / "tmp" / "remote"),
            ANSIBLE_KEEP_REMOTE_FILES="0",
            ANSIBLE_LOG_PATH=str(self.root / "ansible.log"),
            ANSIBLE_LOCALHOST_WARNING="0",
        )
        command = ["ansible-runner", "run", str(self.root), "--playbook", "play.yml", "--ident", "canaries"]
        with short_path(self.root / "tmp") as temporary:
            env = dict(settings, TMPDIR=temporary)
            done = subprocess.run(command, cwd=self.root, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=540, check=False)
        (self.root / "stdout").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]

    def events(self):
        """Return what ansible-runner recorded of the tasks' results."""
        found = [json.loads(path.read_text()) for path in sorted((self.root / "artifacts" / "canaries" / "job_events").glob("*.json"))]
        return [event["event_data"] for event in found if event["event"] in ("runner_on_ok", "runner_on_failed")]

    def singing(self):
        """Return where a canary sings, but for the array, the files in which it was given, and the settings, in which the database's password stands."""
        given = {self.root / "env" / "extravars", self.root / "project" / "play.yml", self.controller.config}
        settings = json.loads(self.controller.config.read_text())
        found = [self.controller.config] if sings(json.dumps(dict(settings, store_password=None)).encode()) else []
        for folder in (self.root, self.controller.root):
            for place, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if Path(place, name) != self.controller.array]
                found += [path for path in (Path(place, name) for name in names) if path.is_file() and path not in given and sings(path.read_bytes())]
        return sorted(str(path.relative_to(self.root.parent)) for path in found)


NODE_MODULES = ("legacy_attachment_info", "legacy_connection", "legacy_connector_info", "legacy_preflight_info")


@pytest.fixture(name="web")
def fixture_web(tmp_path, monkeypatch):
    """A web server that has an image, and wants a password."""
    folder = tmp_path / "web"
    folder.mkdir()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "disk.qcow2"), "1M"], check=True)
    with serving(folder, monkeypatch) as handler:
        handler.password = "canary-extra-variable-web"
        yield handler


@pytest.fixture(name="room")
def fixture_room(tmp_path, make_controller):
    """A room to run in."""
    return Room(tmp_path / "room", make_controller("controller", backend=None))


def test_no_canary_sings_in_anything_that_every_module_and_operation_leaves_under_ansible_runner(room, web, postgresql, database, collection_root):
    store = {"store_url": postgresql.url(database, password=None), "store_password": STORE_PASSWORD}
    listed = tasks(room.controller.root, web.url, store["store_url"])
    group = yaml.safe_load((collection_root / "meta" / "runtime.yml").read_text())["action_groups"]["legacy_storage"]
    assert sorted({key for task in listed for key in task if key.startswith("legacy_")}) == group, "every module has a task here"
    room.run(listed)
    events = room.events()
    ran = {(operation["noun"], operation["action"]) for event in events for operation in event["res"].get("operations") or () if isinstance(operation, dict)}
    wanted = {(noun, action) for noun, actions in ACTIONS.items() for action in actions if not action.startswith(SETTLING)}
    assert {("volume", "undo_create"), ("volume", "finish_extend"), ("volume", "forget"), ("export", "finish_delete")} <= ran
    assert wanted - ran == set(), "every operation is carried out here"
    failures = [event["task"] for event in events if event["res"].get("failed") and not event.get("ignore_errors")]
    assert failures == [] and len(events) == len(listed) + 1
    done = [event["task_action"].rpartition("_store_")[2] for event in events if "_store_" in event["task_action"] and event["res"].get("changed")]
    assert done == ["export", *["key"] * 4, "import", "move", *["key"] * 4], "each really took place"
    room.controller.settings.update(store)
    assert room.singing() == [] and not sings(room.controller.dump().encode()) and "late" in room.controller.dump()
    assert room.cluster.secret("kube-system/orders-chap")["node.session.auth.password"].startswith("canary-chap-")
    seen = room.argv.read_text()
    assert "ansible-playbook" in seen and "worker.serve" in seen, "the command lines were recorded"
    assert (room.root / "ansible.log").stat().st_size and list((room.root / "artifacts" / "canaries" / "fact_cache").iterdir())
    assert b"sealed_connection_info" in (room.root / "stdout").read_bytes(), "results are in what was searched"


def test_a_canary_that_gets_out_is_heard_wherever_it_sings(room):
    (room.controller.root / "state" / "left").write_bytes(b"\0canary-x\0")
    room.run(
        [
            {"ansible.builtin.command": {"argv": ["true", "{{ password }}"]}},
            {"ansible.builtin.set_fact": {"kept": "{{ password }}", "cacheable": True}},
        ]
    )
    heard = "\n".join(room.singing())
    for place in ("job_events/", "canaries/stdout", "fact_cache/", "argv.log", "ansible.log", "room/stdout", "state/left"):
        assert place in heard, (place, heard)
