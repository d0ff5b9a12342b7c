# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs of modules that take one item by their own parameters, or a list of items."""

from __future__ import annotations

from .task import run_task

_KEYS = {"exports": "volume", "images": "path"}  # what names one item; elsewhere its name
ENCRYPTION = dict(
    type="dict",
    options=dict(
        key=dict(type="str", no_log=True),
        key_file=dict(type="path", no_log=False),
        key_command=dict(type="list", elements="str", no_log=False),
        previous_key=dict(type="str", no_log=True),
        previous_key_file=dict(type="path", no_log=False),
        previous_key_command=dict(type="list", elements="str", no_log=False),
        format=dict(type="str", choices=["never", "empty", "overwrite"], default="empty"),
        cipher=dict(type="str"),
        key_size=dict(type="int", choices=[128, 256, 512], no_log=False),
        pbkdf=dict(type="str", choices=["argon2id", "argon2i", "pbkdf2"]),
        iterations=dict(type="int"),
    ),
    required_one_of=[("key", "key_file", "key_command")],
    mutually_exclusive=[("key", "key_file", "key_command"), ("previous_key", "previous_key_file", "previous_key_command")],
)
# What legacy_attachment hands to the node instead of keys: only the node can open it.
SEALED_ENCRYPTION = dict(
    type="dict",
    options=dict(ENCRYPTION["options"], sealed_key=dict(type="str", no_log=False), previous_sealed_key=dict(type="str", no_log=False)),
    required_one_of=[("key", "sealed_key", "key_file", "key_command")],
    mutually_exclusive=[
        ("key", "sealed_key", "key_file", "key_command"),
        ("previous_key", "previous_sealed_key", "previous_key_file", "previous_key_command"),
    ],
)
CONTROLLER = dict(controller_config=dict(type="path", default="/etc/baremetal.legacy_storage/controller.json"))


def with_list(item, plural):
    """Return AnsibleModule's keyword arguments for a module whose parameters are ``item``'s, or a list of such items.

    What names one item excludes the list; what may be a default for the list's items may stand beside it.
    """
    spec = dict(CONTROLLER, **item)
    spec[plural] = dict(type="list", elements="dict", options=item)
    key = _KEYS.get(plural, "name")
    return dict(argument_spec=spec, required_one_of=[(key, plural)], mutually_exclusive=[(key, plural)])


def run_on_items(module, verb, plural, item, shared=()):
    """Run ``verb`` on the items a task asks for and end the module.

    :param shared: parameters whose value beside the list is the default for its items.
    """
    listed = module.params[plural]
    if listed is not None:
        _refuse_ignored(module, plural, item, shared)
    items = (
        [{key: module.params[key] for key in item}]
        if listed is None
        else [_with_defaults(entry, module.params, shared) for entry in listed]
    )
    guess = [{"name": entry.get(_KEYS.get(plural, "name")), "changed": True, "operations": []} for entry in items]
    unprepared = {"changed": True, plural: guess}
    run_task(
        module,
        "controller",
        module.params["controller_config"],
        verb,
        {plural: items},
        unprepared,
        single=None if listed is not None else plural,
    )


def named(params):
    """Return the names an info module was asked for, or None for all."""
    names = params["names"]
    if params["name"] is not None:
        return [params["name"]] + (names or [])
    return names


def _refuse_ignored(module, plural, item, shared):
    for key, option in item.items():
        if key not in shared and module.params[key] != option.get("default"):
            module.fail_json(msg="%s: stands beside %s, where it would have no effect. Give it in the items of the list." % (key, plural))


def _with_defaults(entry, params, shared):
    return dict(entry, **{key: params[key] for key in shared if entry.get(key) is None})
