# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running modules on another inventory host from within a task, as ``delegate_to`` would."""

from __future__ import annotations

from ansible import constants as C
from ansible.config.manager import ensure_type
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.loader import action_loader, become_loader, connection_loader


def check_known(hostvars, name, parameter):
    """Refuse a host that is not in the inventory, naming the parameter, the value and the hosts that there are.

    :raises AnsibleActionFail: when ``name`` is unknown.
    """
    if name not in hostvars:
        known = sorted(hostvars)
        shown = ", ".join(known[:20]) + (" and %d more" % (len(known) - 20) if len(known) > 20 else "")
        raise AnsibleActionFail("%s: %r is not a host of this inventory. Its hosts are: %s." % (parameter, name, shown or "none"))


class OtherHost:
    """One other host for the length of a task: a connection of its own, on which modules can be run.

    Everything that reaches the host comes from that host's own variables; what they leave open (``become``,
    ``remote_user``, ``connection``) comes from the task and the play, as it does for ``delegate_to``.

    :param action: the action plugin of the task.
    :param task_vars: the variables of the task's own host.
    :param name: the other host's name in the inventory.
    """

    def __init__(self, action, task_vars, name):
        self.name = name
        self._variables = dict(task_vars["hostvars"].raw_get(name), hostvars=task_vars["hostvars"])
        # Interpreter discovery writes here; facts of the inventory must not change under it.
        self._variables["ansible_facts"] = dict(self._variables.get("ansible_facts") or {})
        self._templar = action._templar.copy_with_new_env(available_variables=self._variables)
        self._task = action._task.copy()
        self._task.delegate_to = None
        self._play_context = action._play_context.copy()
        self._play_context.remote_addr = self._value("ansible_host", name)
        connection = self._connect()
        self._action = action_loader.get(
            "ansible.legacy.normal",
            task=self._task,
            connection=connection,
            play_context=self._play_context,
            loader=action._loader,
            templar=self._templar,
            shared_loader_obj=action._shared_loader_obj,
        )

    def run(self, module, arguments):
        """Run a module there and return its result (a dict).

        :raises AnsibleActionFail: when the host cannot be reached, or cannot run it: it is not the task's own host that is unreachable.
        """
        try:
            result = self._action._execute_module(module_name=module, module_args=arguments, task_vars=self._variables)
        except AnsibleConnectionFailure as error:
            raise AnsibleActionFail("%r cannot be reached: %s" % (self.name, error)) from error
        except AnsibleError as error:
            raise AnsibleActionFail("%r cannot run %s: %s" % (self.name, module, error)) from error
        result.pop("ansible_facts", None)  # the discovered interpreter: a fact of that host, not of this one
        return result

    def close(self):
        """Remove what was put there and let the connection go."""
        try:
            self._action.cleanup(force=True)
        except AnsibleConnectionFailure:
            pass  # it was told when it happened
        self._action._connection.close()

    def _value(self, variable, default=None):
        value = self._variables.get(variable)
        return default if value is None else self._templar.template(value)

    def _connect(self):
        kind = self._value("ansible_connection", self._task.connection)
        self._play_context.connection = kind
        connection = connection_loader.get(kind, self._play_context, None, task_uuid=self._task._uuid)
        if connection is None:
            raise AnsibleActionFail("%r: there is no connection plugin %r." % (self.name, kind))
        become = None
        if ensure_type(self._value("ansible_become", self._task.become), "bool"):
            method = self._value("ansible_become_method", self._task.become_method) or C.DEFAULT_BECOME_METHOD
            become = become_loader.get(method)
            if become is None:
                raise AnsibleActionFail("%r: there is no become plugin %r." % (self.name, method))
        connection.set_become_plugin(become)
        self._play_context.set_attributes_from_plugin(connection)
        self._set_options(connection)
        return connection

    def _set_options(self, connection):
        keys = self._task.dump_attrs()
        # Not the task's own meaning of these two words, but what the play context carries from the command line.
        keys["timeout"] = self._play_context.timeout
        keys.pop("retries", None)
        for option in ("password", "become_pass"):
            if getattr(self._play_context, option, None):
                keys[option] = getattr(self._play_context, option)
        plugins = [("connection", connection), ("shell", connection._shell)]
        if connection.become is not None:
            plugins.append(("become", connection.become))
        for kind, plugin in plugins:
            names = C.config.get_plugin_vars(kind, plugin._load_name)
            values = {option: self._value(option) for option in names if self._variables.get(option) is not None}
            plugin.set_options(task_keys=keys, var_options=values)
