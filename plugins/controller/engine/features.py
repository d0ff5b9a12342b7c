# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver class says that it can do: by the methods it has of its own, and by words in its sources. Nothing is run.

A method that only raises, or only answers "not me" (``return False, None``), counts as not there. Words are what a driver would report of
itself once it is logged in to its array; an array, a licence or an option may still say no.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap

from .declarations import modules_of, nodes_of

_BASES = ("cinder.volume.driver", "cinder.interface")
_REMOTE_FS = "cinder.volume.drivers.remotefs"
# Feature: the methods any of which makes it.
_METHODS = {
    "revert_to_snapshot": ("revert_to_snapshot",),
    "retype": ("retype",),
    "migrate": ("migrate_volume",),
    "adopt_volume": ("manage_existing",),
    "adopt_snapshot": ("manage_existing_snapshot",),
    "list_adoptable": ("get_manageable_volumes",),
    "replication": ("failover_host", "failover"),
    "clone_image": ("clone_image",),
}
_PROTOCOLS = {
    "iscsi": "iSCSI",
    "fibre_channel": "FC",
    "fc": "FC",
    "nvmeof": "NVMe-oF",
    "nvmet_tcp": "NVMe-oF",
    "nvme": "NVMe-oF",
    "nfs": "NFS",
    "rbd": "RBD",
    "ceph": "RBD",
    "iser": "iSER",
}
_IN_NAMES = (
    ("iscsi", "iSCSI"),
    ("nvme", "NVMe-oF"),
    ("fibrechannel", "FC"),
    ("fc", "FC"),
    ("nfs", "NFS"),
    ("drbd", "DRBD"),
    ("rbd", "RBD"),
)


def features_of(cls):
    """Return ``{"protocols": [...], "features": [...]}`` of a driver class, both sorted."""
    found = {name for name in _METHODS if offers(cls, name)}
    if takes_group_snapshots(cls):
        found.add("group_snapshot")
    if works_beside_others(cls):
        found.add("active_active")
    words = [_words(module) for module in modules_of(cls)]
    if any(word["multiattach"] for word in words):
        found.add("multiattach")
    return {"protocols": _protocols(cls), "features": sorted(found)}


def works_beside_others(cls):
    """Tell whether a driver class says that several controllers may drive one backend with it at once."""
    return bool(getattr(cls, "SUPPORTS_ACTIVE_ACTIVE", False))


def takes_group_snapshots(cls):
    """Tell whether a driver class has a way of its own to take snapshots of several volumes at one moment.

    Some have the method, and take one snapshot after the other in it (PowerFlex, GPFS of cinder 28 and 29): those would not be of one moment.
    """
    name = "create_group_snapshot"
    return _has(cls, name) and not any(_loops(cls, step) for step in {name} | _own_calls(cls, name))


def able_while_attached(cls, what):
    """Tell whether a driver class may ``clone``, ``extend``, or take a ``snapshot`` of, a volume that a host uses; False where it is known to refuse."""
    return _WHILE_ATTACHED[what](cls)


def _snapshots_attached(cls):
    """Cinder's RemoteFS (NFS, Quobyte) asks Nova to take a snapshot of an attached volume."""
    asks_nova = all(_is_of_remote_fs(cls, name) for name in ("_create_snapshot", "_create_snapshot_online"))
    return not (asks_nova and "_create_snapshot" in _own_calls(cls, "create_snapshot"))


def _clones_attached(cls):
    """Cinder's RemoteFS clones what is in status ``available``, and nothing else that we have."""
    return not (_is_of_remote_fs(cls, "_create_cloned_volume") and "_create_cloned_volume" in _own_calls(cls, "create_cloned_volume"))


def _extends_attached(cls):
    """Drivers for shares that only grow detached volumes (Cinder's bug 1870367) ask for that first, and raise."""
    questions = (node for node in ast.walk(_definition(cls, "extend_volume")) if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise))
    return not any("_is_volume_attached" in _calls(node.test) for node in questions)


_WHILE_ATTACHED = {"snapshot": _snapshots_attached, "clone": _clones_attached, "extend": _extends_attached}


def _is_of_remote_fs(cls, name):
    """Tell whether a driver class's method is RemoteFS's own."""
    return getattr(getattr(cls, name, None), "__module__", None) == _REMOTE_FS


def _own_calls(cls, name):
    """Return the names of the methods of its own that a method calls."""
    return _calls(_definition(cls, name)) - {"create_snapshot"}


def _calls(tree):
    """Return the names of the methods of ``self`` that a syntax tree calls."""
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "self"
    }


def _loops(cls, name):
    """Tell whether a method calls the driver's create_snapshot in a loop."""
    loops = [node for node in ast.walk(_definition(cls, name)) if isinstance(node, (ast.For, ast.comprehension, ast.ListComp))]
    return any(isinstance(node, ast.Attribute) and node.attr == "create_snapshot" for loop in loops for node in ast.walk(loop))


def _definition(cls, name):
    """Return the syntax tree of a class's method, but for what it does with groups of other types than ours; an empty one where there is no source."""
    try:
        return _OurType().visit(ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(getattr(cls, name))))))
    except (AttributeError, OSError, TypeError, SyntaxError, ValueError):
        return ast.Module([], [])


class _OurType(ast.NodeTransformer):
    """Drops the branches for groups whose snapshots need not be consistent."""

    def visit_If(self, node):  # pylint: disable=invalid-name
        """Keep of a question for the type what is done with ours."""
        negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        asked = node.test.operand if negated else node.test
        if isinstance(asked, ast.Call) and "is_group_a_cg_snapshot_type" in ast.dump(asked.func):
            kept = node.orelse if negated else node.body
            return self.visit(ast.Module(kept, [])).body or ast.Pass()
        return self.generic_visit(node)


def offers(cls, feature):
    """Tell whether a driver class has methods of its own for a feature."""
    return any(_has(cls, method) for method in _METHODS[feature])


def _has(cls, name):
    """Tell whether a driver has a method of its own that does something."""
    for parent in cls.__mro__:
        if parent.__module__ in _BASES:
            return False
        if name in vars(parent):
            return not _declines(vars(parent)[name])
    return False


def _declines(method):
    """Tell whether a method only raises NotImplementedError or only answers no."""
    function = inspect.unwrap(getattr(method, "__func__", method))
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    body = [node for node in getattr(definition, "body", ()) if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if len(body) != 1:
        return not body
    (node,) = body
    if isinstance(node, ast.Raise):
        return "NotImplementedError" in ast.dump(node)
    answer = node.value if isinstance(node, ast.Return) else None
    first = answer.elts[0] if isinstance(answer, ast.Tuple) and answer.elts else answer
    return isinstance(node, (ast.Pass, ast.Return)) and (first is None or isinstance(first, ast.Constant) and not first.value)


def _protocols(cls):
    """Return how nodes reach the volumes: by the class's name where that says it, else by what its sources name."""
    name = cls.__name__.lower()
    for part, protocol in _IN_NAMES:
        if part in name:
            return [protocol]
    own = [module for module in modules_of(cls) if module.__name__ == cls.__module__]
    for modules in (own, modules_of(cls)):
        found = {protocol for module in modules for protocol in _words(module)["protocols"]}
        if found:
            return sorted(found)
    return []


@functools.lru_cache(maxsize=None)  # drivers of one vendor share modules
def _words(module):
    """Return what a module's source names: protocols, and whether it ever says yes to multiattach."""
    found = {"protocols": set(), "multiattach": False}
    for node in nodes_of(module):
        for key, value in _pairs(node):
            if key == "multiattach" and not (isinstance(value, ast.Constant) and not value.value):
                found["multiattach"] = True
            elif key in ("storage_protocol", "_storage_protocol", "driver_volume_type", "protocol", "_protocol"):
                found["protocols"] |= _protocol_of(value)
    return found


def _pairs(node):
    """Give what a node assigns as (word, value): entries of dicts, items, attributes, names, keyword arguments."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant):
                yield key.value, value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                yield target.slice.value, node.value
            elif isinstance(target, (ast.Attribute, ast.Name)):
                yield getattr(target, "attr", None) or getattr(target, "id", None), node.value
    elif isinstance(node, ast.keyword):
        yield node.arg, node.value


def _protocol_of(value):
    word = value.value if isinstance(value, ast.Constant) else value.attr if isinstance(value, ast.Attribute) else None
    word = re.sub(r"\W", "_", str(word).lower())
    known = _PROTOCOLS.get(word) or _PROTOCOLS.get(word.partition("_")[0])
    if known:
        return {known}
    # What nobody else speaks: a vendor's own way, by the name that os-brick knows.
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) and word not in ("", "unknown") else set()
