# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole attach or detach in one task: runs the node's half on the task's host and the controller's half on another.

The order is the safety (CVE-2023-2088): export before connecting; disconnect, verified, before unmapping. Where a step
on the node fails, or its outcome is not known, the export stays.

Other tasks may attach or detach the same volume there at the same moment. So a detaching task learns which export it means before it asks the node, which
from then on connects that one no more, and unmaps that one only; and an attaching task has an export that it finds renewed, which makes it another one.
"""

from __future__ import annotations

import functools

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.arguments import ENCRYPTION
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import attaching
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.other_host import OtherHost, check_known

_COLLECTION = "baremetal.legacy_storage."
_STATE = {"type": "str", "choices": ["present", "absent"]}
_MULTIPATH = {"type": "str", "choices": ["required", "preferred", "no"]}
_ACCESS_MODE = {"type": "str", "choices": ["rw", "ro"]}
ARGUMENT_SPEC = dict(
    controller={"type": "str", "required": True},
    backend={"type": "str"},
    volume={"type": "str"},
    state=dict(_STATE, default="present"),
    multipath=dict(_MULTIPATH, default="preferred"),
    access_mode=dict(_ACCESS_MODE, default="rw"),
    encryption=ENCRYPTION,
    attachments={
        "type": "list",
        "elements": "dict",
        "options": {
            "backend": {"type": "str"},
            "volume": {"type": "str", "required": True},
            "state": _STATE,
            "multipath": _MULTIPATH,
            "access_mode": _ACCESS_MODE,
            "encryption": ENCRYPTION,
        },
    },
    fenced={"type": "bool", "default": False},
    force={"type": "bool", "default": False},
    node_name={"type": "str"},
    controller_config={"type": "path", "default": "/etc/baremetal.legacy_storage/controller.json"},
    node_config={"type": "path", "default": "/etc/baremetal.legacy_storage/node.json"},
)
RULES = {
    "mutually_exclusive": [("attachments", "volume")],
    "required_one_of": [("attachments", "volume")],
    "required_by": {"volume": ["backend"]},
}


def _seal(public_key, data):
    from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal  # with cryptography, which only keys of volumes need here

    return seal(public_key, data)


class _Halted(Exception):
    """The task cannot go on; carries the module result that says why."""

    def __init__(self, result):
        super().__init__(result.get("msg"))
        self.result = result


class ActionModule(ActionBase):
    """Action plugin of ``legacy_attachment``."""

    _supports_check_mode = True
    _supports_async = False
    _VALID_ARGS = frozenset(ARGUMENT_SPEC)

    def run(self, tmp=None, task_vars=None):
        """Run the task; see the module's documentation for its result."""
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars
        self._arguments = self.validate_argument_spec(ARGUMENT_SPEC, **RULES)[1]
        self._messages = {"warnings": [], "deprecations": []}
        self._other, self._records = None, []
        items = attaching.wanted(self._arguments)
        for place, item in enumerate(items):
            if not item.backend:
                raise AnsibleActionFail("attachments[%d].backend: is required for volume %r, or backend for all of them." % (place, item.volume))
        if self._arguments["fenced"] and any(item.state == "present" for item in items):
            raise AnsibleActionFail("fenced: is only for detaching: a node known dead cannot be given a volume. Add state: absent.")
        check_known(task_vars["hostvars"], self._arguments["controller"], "controller")
        self._host = self._arguments["node_name"] or task_vars["inventory_hostname"]
        try:
            if self._arguments["fenced"]:
                self._detach_fenced(items)
            else:
                self._attach_and_detach(items)
            result.update(attaching.result(items, self._host, single=self._arguments["attachments"] is None))
        except _Halted as halted:
            result.update(halted.result, failed=True, changed=any(item.changed for item in items))
        finally:
            if self._other is not None:
                self._other.close()
        if not self._task.diff:
            result.pop("diff", None)
        for kind, texts in self._messages.items():
            if texts:
                result[kind] = list(result.get(kind) or []) + texts
        return result

    def _detach_fenced(self, items):
        """Unmap from a node that is known dead, without asking it."""
        attaching.take_exports(items, self._on_controller(attaching.export_requests(items, {"host": self._host}, fenced=True)))

    def _attach_and_detach(self, items):
        connector = self._read_node(items)
        if connector is None:
            for item in items:
                attaching.predict_unprepared(item)
            return
        self._refuse_name(connector["host"])
        self._host = connector["host"]
        self._disconnect([item for item in items if attaching.to_disconnect(item)])
        going_on = [item for item in items if not item.error and not attaching.is_unmapped(item)]
        if going_on:
            attaching.take_exports(going_on, self._on_controller(attaching.export_requests(going_on, connector)))
        self._renew(going_on, connector)
        self._connect([item for item in going_on if item.state == "present" and not item.error], connector)

    def _refuse_name(self, told):
        """A node whose name is another host's must not be given that one's volumes, nor have them taken away from it."""
        hosts = self._task_vars["hostvars"]
        here = self._task.delegate_to or self._task_vars["inventory_hostname"]
        node_name = self._arguments["node_name"]
        if node_name is None and told not in (here, None) and told in hosts and here in hosts:
            node_name = hosts[here].get("node_name")
        problem = attaching.refused_name(told, here, hosts, node_name)
        if problem:
            raise _Halted({"failed": True, "msg": problem})

    def _read_node(self, items):
        answer = self._on_node("legacy_connector_info", {})
        if answer.get("failed"):
            raise _Halted(answer)
        self._records = answer.get("attachments") or []
        for item in items:
            item.record = attaching.find_record(self._records, item.backend, item.volume)
        connector = answer.get("connector")
        if connector is not None:
            self._resolve(items, connector["host"])
        return connector

    def _resolve(self, items, host):
        """Find out which exports are to be unmapped, and the node's records of their volumes: only what is disconnected may be unmapped."""
        names = sorted({name for item in items for name in attaching.names_to_resolve(item, self._records)})
        if not names:
            return
        told = self._ask_controller("legacy_volume_info", {"names": names})
        if told.get("failed"):
            raise _Halted(told)
        for item in items:
            if item.state == "absent":
                attaching.resolve(item, self._records, told.get("volumes") or [], host)
        attaching.refuse_unreadable(items, self._records, told.get("volumes") or [])
        attaching.refuse_twice(items, told.get("volumes") or [])

    def _renew(self, items, connector):
        """Make the exports this task's own that were there already and that the node does not have: another task may be about to unmap them."""
        for item in items:
            attaching.recognize(item, self._records)
        found = [item for item in items if attaching.is_unrecorded(item)]
        if found:
            attaching.take_exports(found, self._on_controller(attaching.export_requests(found, connector, renew=True)))

    def _disconnect(self, items):
        unknown = [item for item in items if attaching.is_unknown_there(item)]
        if unknown:
            told = self._ask_controller("legacy_export_info", {"host": self._host})
            if told.get("failed"):
                raise _Halted(told)
            attaching.take_listing(unknown, told["exports"])
        if items:
            requests = attaching.connection_requests(items, self._arguments["force"])
            attaching.take_connections(items, self._on_node("legacy_connection", {"connections": requests}))

    def _connect(self, items, connector):
        asked = []
        for item in items:
            if self._task.check_mode and item.export is None:
                attaching.predict_connection(item)
            elif attaching.needs_connecting(item):
                asked.append(item)
        if not asked:
            return
        requests = attaching.connection_requests(asked, seal=functools.partial(_seal, connector["sealing_key"]))
        attaching.take_connections(asked, self._on_node("legacy_connection", {"connections": requests}))
        failed = [item for item in asked if item.error]
        if failed and not self._task.check_mode:
            self._take_back([item for item in failed if item.fresh], connector)
            self._turn_back([item for item in failed if attaching.was_turned(item)], connector)

    def _turn_back(self, items, connector):
        """Let the exports say again how the volumes may be used on the node, which did not change it."""
        if items:
            requests = attaching.export_requests([attaching.as_before(item) for item in items], connector)
            attaching.turn_back(items, self._on_controller(requests))

    def _take_back(self, items, connector):
        """Unmap again what this task exported and the node could not connect, where the node proves that nothing is left."""
        if not items:
            return
        seen = self._on_node("legacy_connector_info", {})
        for item in items:
            if seen.get("failed") or attaching.may_hold(item, seen.get("attachments") or []):
                item.fresh = False
                item.error += " The node still holds a part of the connection, so the export stays. Run the task again, or detach."
        returned = [item for item in items if item.fresh]
        if not returned:
            return
        answer = self._on_controller(attaching.export_requests(returned, connector, state="absent"))
        attaching.take_back(returned, answer)

    def _on_node(self, module, arguments):
        arguments = dict(arguments, node_config=self._arguments["node_config"])
        return self._collect(self._execute_module(module_name=_COLLECTION + module, module_args=arguments, task_vars=self._task_vars))

    def _on_controller(self, requests):
        return self._ask_controller("legacy_export", {"exports": requests})

    def _ask_controller(self, module, arguments):
        """Run a module on the controller; a failure tells which host it came from."""
        if self._other is None:
            self._other = OtherHost(self, self._task_vars, self._arguments["controller"])
        try:
            answer = self._collect(self._other.run(_COLLECTION + module, dict(arguments, controller_config=self._arguments["controller_config"])))
        except AnsibleActionFail as error:
            answer = {"failed": True, "msg": "controller: %s" % error}
        else:
            if answer.get("failed") and not answer.get("exports"):
                answer["msg"] = "controller: %s on %r" % (answer.get("msg"), self._arguments["controller"])
        return answer

    def _collect(self, answer):
        for kind, texts in self._messages.items():
            texts.extend(answer.pop(kind, None) or [])
        return answer
