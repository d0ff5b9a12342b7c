# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver's own sources declare: its modules, its oslo.config options, the packages that it can do without."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import sys
import types

from oslo_config import cfg

_IN_TREE = "cinder.volume.drivers."
# Where Cinder declares what every backend takes. The drivers that serve their volumes themselves load the last only when they start.
_FOR_ALL = ("cinder.volume.driver", "cinder.volume.manager", "cinder.volume.targets.spdknvmf")
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
        waiting += [sys.modules[name] for name in _imported(module) if _folder(name) == _folder(cls.__module__)]
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
    undeclared = [option for parent in cls.__mro__ for option in _UNDECLARED.get(parent.__name__, ())]
    return {**_options_in(_told(cls)), **_options_in(undeclared), **_options_of_modules(modules_of(cls))}


def options_taken_by(cls):
    """Return {name: oslo.config option} of all that a backend of a driver class may be given.

    Beside ``options_of`` these are Cinder's for every backend, and what the driver's modules declare together with those that they import
    from other vendors: that is what is declared in a process that has no other driver.
    """
    for_all = [importlib.import_module(name) for name in _FOR_ALL]
    return {**_options_of_modules(for_all), **_options_of_modules(_modules_behind(cls)), **options_of(cls)}


def _modules_behind(cls):
    """Return the modules of a driver's class and bases and, however indirectly, what these import of drivers or of their own package.

    What a driver outside of Cinder imports from elsewhere counts if it does so itself.
    """
    waiting = [sys.modules[parent.__module__] for parent in cls.__mro__ if not _is_only_cinders(parent.__module__)]
    packages = {module.__name__.partition(".")[0] for module in waiting} - {"cinder"}
    found = {}
    while waiting:
        module = waiting.pop()
        if module.__name__ in found:
            continue
        found[module.__name__] = module
        if module.__name__.startswith(_IN_TREE) or module.__name__.partition(".")[0] in packages:
            waiting += [sys.modules[name] for name in _imported(module) if not _is_only_cinders(name)]
    return [found[name] for name in sorted(found)]


def _is_only_cinders(module_name):
    return module_name.partition(".")[0] == "cinder" and not module_name.startswith(_IN_TREE)


def _imported(module):
    """Return the names of the loaded modules that a module imports, or imports from."""
    names = {value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None) for value in vars(module).values()}
    return [name for name in names if isinstance(name, str) and name in sys.modules]


def _options_of_modules(modules):
    """Return {name: option} of the lists of options that modules have at hand."""
    found = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, (list, tuple)):
                found.update(_options_in(value))
    return found


def _options_in(values):
    return {option.dest: option for option in values if isinstance(option, cfg.Opt)}


def _told(cls):
    try:
        return list(cls.get_driver_options())
    except Exception:  # drivers outside Cinder's tree need not have it
        return []


@functools.lru_cache(maxsize=None)  # drivers of one vendor share modules
def nodes_of(module):
    """Return the syntax nodes of a module's source that say something: calls, imports and what assigns."""
    kinds = (ast.Assign, ast.Call, ast.Dict, ast.Try, ast.keyword)
    return [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, kinds)]


@functools.lru_cache(maxsize=None)
def guarded_imports(module):
    """Return the top-level names that a module tries to import and can do without."""
    found = set()
    for node in nodes_of(module):
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
