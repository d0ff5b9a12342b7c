# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver's own sources declare: its modules, its oslo.config options, the packages that it can do without."""

from __future__ import annotations

import ast
import sys
import types

from oslo_config import cfg

_IN_TREE = "cinder.volume.drivers."
# Read by the driver and declared by nobody: Cinder took it away from OpenStack (OSSN-0085), for cinderlib it stays.
_UNDECLARED = {
    "RBDDriver": [cfg.StrOpt("rbd_keyring_conf", default="", help="Keyring file of rbd_user; nodes are given what is in it, sealed.")],
}


def modules_of(cls):
    """Return the modules that make a driver up: its class's and its bases', and what they import from their vendor's folder."""
    waiting = [
        sys.modules[parent.__module__]
        for parent in cls.__mro__
        if parent.__module__ in sys.modules and _is_driver_code(parent.__module__, cls)
    ]
    found = {}
    while waiting:
        module = waiting.pop()
        if module.__name__ in found:
            continue
        found[module.__name__] = module
        for value in vars(module).values():
            name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str) and name in sys.modules and _folder(name) == _folder(cls.__module__):
                waiting.append(sys.modules[name])
    return [found[name] for name in sorted(found)]


def _is_driver_code(module_name, cls):
    return module_name.startswith(_IN_TREE) or _folder(module_name) == _folder(cls.__module__)


def _folder(module_name):
    """Return what belongs to one vendor: the first folder below cinder.volume.drivers, elsewhere the module's package."""
    if module_name.startswith(_IN_TREE):
        return ".".join(module_name.split(".")[:4])
    return module_name.rpartition(".")[0] or module_name


def options_of(cls):
    """Return {name: oslo.config option} of all that a driver class and its modules declare.

    Not every driver's ``get_driver_options`` tells all that its libraries read (NetApp's tells 2 of 38), and some declare theirs
    only when they start (FusionStorage, Hitachi, Infortrend): so the modules' lists of options count as well.
    """
    found = {}
    undeclared = [_UNDECLARED[parent.__name__] for parent in cls.__mro__ if parent.__name__ in _UNDECLARED]
    for source in [_told(cls), *undeclared] + [value for module in modules_of(cls) for value in vars(module).values()]:
        if isinstance(source, (list, tuple)):
            found.update((option.dest, option) for option in source if isinstance(option, cfg.Opt))
    return found


def _told(cls):
    try:
        return list(cls.get_driver_options())
    except Exception:  # drivers outside Cinder's tree need not have it
        return []


def guarded_imports(source):
    """Return the top-level names that Python ``source`` tries to import and can do without."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "try_import":
                found.add(str(node.args[0].value).partition(".")[0])
        elif isinstance(node, ast.Try) and any("ImportError" in ast.dump(handler.type) for handler in node.handlers if handler.type):
            for statement in node.body:
                if isinstance(statement, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in statement.names}
                elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                    found.add(statement.module.partition(".")[0])
    return found
