# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host half's entry for the worker: a verb and plain data in, plain data out."""

from __future__ import annotations

import platform

from ..module_utils.model.attachment import Connector
from ..module_utils.model.errors import StorageError, invalid
from ..secrets.sealing import SealingKey
from . import config, connections, machine, protocols
from .connectors import choice
from .node import Node


def run(config_path, verb, arguments, check, warn, by_user=False):
    """Run one verb: ``connector.get``, ``connection.ensure`` or ``attachment.list``.

    :param check: change nothing, predict.
    :param warn: called with each sentence that the task must tell.
    :param by_user: an account that is not root asks, by sudo's rule for the worker: nothing that it names is read or run as root.
    :raises StorageError: when the request as a whole cannot be served; failures of single volumes are in the result.
    """
    try:
        serve = _VERBS[verb]
    except KeyError:
        raise StorageError("invalid", "The host half has no verb %r. Apply the role baremetal.legacy_storage.node again." % verb) from None
    if by_user:
        _refuse_for_users(arguments)
    return serve(Node(config.load(config_path), warn, by_user=by_user), arguments, check)


def _refuse_for_users(arguments):
    """Files and commands of keys are read and run as root, now or at the next boot; and who may not write to a volume may not format it either."""
    for request in arguments.get("connections") or ():
        encryption = (request.get("encryption") or {}) if isinstance(request, dict) else {}
        named = [word for word in encryption if word.endswith(("key_file", "key_command"))]
        if named:
            raise StorageError(
                "invalid",
                "encryption.%s: is for root alone, and this task attaches without becoming root. Give the key itself, or let the task become root." % named[0],
                "encryption",
            )
        if encryption.get("format") == "overwrite":
            raise StorageError(
                "invalid",
                "encryption.format: 'overwrite' is for root alone, and this task attaches without becoming root. Let the task become root.",
                "encryption",
            )


def _connector_get(node, arguments, check):
    machine.admit(node, check)
    multipath = arguments.get("multipath")
    multipath = node.settings.multipath if multipath is None else bool(multipath)
    # A key is made at the first real run; what check mode returns must only have its form.
    key = SealingKey.temporary() if check and not node.has_sealing_key() else node.sealing_key()
    found = node.brick().properties(node.settings.host, node.settings.my_ip, multipath)
    return {
        "changed": False,
        "connector": Connector(node.settings.host, found, key.public).to_dict(),
        "protocols": protocols.ready(node.system, node.brick().protocols() | set(choice.OWN), platform.machine()),
        "encryption": protocols.encryption(node.system),
        "attachments": connections.listing(node),
    }


def _connection_ensure(node, arguments, check):
    requests = arguments.get("connections")
    if not isinstance(requests, list) or not requests or not all(isinstance(request, dict) for request in requests):
        raise invalid("connections", requests, "must be a list of connections, and not empty.")
    machine.admit(node, check)
    return connections.ensure(node, requests, check)


def _attachment_list(node, arguments, _check):
    machine.warn(node)
    return {"changed": False, "host": node.settings.host, "attachments": connections.listing(node, arguments.get("volumes"))}


_VERBS = {"connector.get": _connector_get, "connection.ensure": _connection_ensure, "attachment.list": _attachment_list}
