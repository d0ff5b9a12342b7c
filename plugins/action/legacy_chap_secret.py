# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CHAP credentials from the controller into Kubernetes' Secrets, within one task.

The controller seals what it tells to a key that this task makes and keeps nowhere. It is opened in this process, and handed to kubernetes.core.k8s
with no_log; it never becomes a variable of the play.
"""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes import credentials
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.other_host import OtherHost, check_known

_ITEM = {part: {"type": "str"} for part in ("backend", "volume", "name", "namespace")}
ARGUMENT_SPEC = dict(
    _ITEM,
    controller={"type": "str", "required": True},
    connectors={"type": "list", "elements": "dict", "required": True},
    secrets={"type": "list", "elements": "dict", "options": _ITEM},
    kubernetes={"type": "dict", "default": {}},
    controller_config={"type": "path", "default": "/etc/baremetal.legacy_storage/controller.json"},
)
RULES = {"mutually_exclusive": [("secrets", "volume"), ("secrets", "name")], "required_one_of": [("secrets", "volume")]}
# How kubernetes.core.k8s reaches a cluster; not what it does there.
REACHING = frozenset(
    "api_key ca_cert client_cert client_key context host impersonate_groups impersonate_user kubeconfig no_proxy password proxy proxy_headers username "
    "validate_certs".split()
)


class ActionModule(ActionBase):
    """Action plugin of ``legacy_chap_secret``."""

    _supports_check_mode = True
    _supports_async = False
    _VALID_ARGS = frozenset(ARGUMENT_SPEC)

    def run(self, tmp=None, task_vars=None):
        """Run the task; see the module's documentation for its result."""
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars
        self._arguments = self.validate_argument_spec(ARGUMENT_SPEC, **RULES)[1]
        strange = sorted(set(self._arguments["kubernetes"]) - REACHING)
        if strange:
            raise AnsibleActionFail("kubernetes: %r does not tell how to reach a cluster. Possible are %s." % (strange[0], ", ".join(sorted(REACHING))))
        if not self._arguments["connectors"]:
            raise AnsibleActionFail("connectors: is empty. Pass the connectors of the nodes, as legacy_connector_info returned them.")
        check_known(task_vars["hostvars"], self._arguments["controller"], "controller")
        try:
            result.update(self._make(credentials.wanted_secrets(self._arguments)))
        except StorageError as error:
            raise AnsibleActionFail(error.message) from error
        return result

    def _make(self, wanted):
        from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey  # with cryptography

        key = SealingKey.temporary()
        answer = self._export(wanted, key.public)
        count, made, known = len(self._arguments["connectors"]), [], []
        for place, item in enumerate(wanted):
            found = credentials.take_credentials(item, answer["exports"][place * count : (place + 1) * count], key.open)
            known.append(found)
            if found:
                made.append(credentials.render(item, found))
        changed = self._apply(made, known) if made else False
        told = [dict(item, needed=None if found is None else bool(found)) for item, found in zip(wanted, known)]
        result = {"changed": bool(answer.get("changed") or changed or None in known), "secrets": told}
        if answer.get("warnings"):
            result["warnings"] = answer["warnings"]
        return result

    def _export(self, wanted, public_key):
        other = OtherHost(self, self._task_vars, self._arguments["controller"])
        requests = credentials.export_requests(wanted, self._arguments["connectors"], public_key)
        try:
            answer = other.run("baremetal.legacy_storage.legacy_export", {"exports": requests, "controller_config": self._arguments["controller_config"]})
        finally:
            other.close()
        if answer.get("failed"):
            raise AnsibleActionFail("controller: %s" % answer.get("msg"))
        return answer

    def _apply(self, definitions, known):
        """Let kubernetes.core.k8s make the Secrets, and tell no more of its answer than whether it changed something or why not."""
        arguments = dict(self._arguments["kubernetes"], state="present", definition=definitions)
        quiet, self._task.no_log = self._task.no_log, True  # else the module logs its arguments on its host
        try:
            answer = self._execute_module(module_name="kubernetes.core.k8s", module_args=arguments, task_vars=self._task_vars)
        finally:
            self._task.no_log = quiet
        if answer.get("failed"):
            raise AnsibleActionFail("kubernetes: %s" % credentials.hide(str(answer.get("msg")), known))
        return bool(answer.get("changed"))
