# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller's code relies on in Cinder's drivers and in how they declare their options."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import json
import os
import sys

from engine_here import COLLECTION, ours, set_up
from relied_on import has, relied_on

FIRST = COLLECTION + "engine"
DECLARATIONS, DRIVERS, FEATURES, OPTIONS = ("plugins/controller/engine/%s.py" % name for name in ("declarations", "drivers", "features", "options"))


@relied_on(DRIVERS)
def drivers_register_themselves():
    """Importing a driver's module puts its class into cinder.interface._volume_register, and there is a list of common options."""
    import cinderlib  # noqa: F401  # pylint: disable=unused-import
    from cinder import interface
    from cinder.volume import driver
    from cinder.volume.drivers import lvm
    from oslo_config import cfg

    assert lvm.LVMVolumeDriver in interface._volume_register
    assert driver.volume_opts and all(isinstance(option, cfg.Opt) for option in driver.volume_opts)
    assert lvm.LVMVolumeDriver.get_driver_options()


@relied_on(FEATURES)
def drivers_say_whether_several_may_drive_one_backend():
    """Cinder's manager, which several hosts may be for one backend, asks the driver class for SUPPORTS_ACTIVE_ACTIVE; the base class says no."""
    from cinder.volume import driver, manager
    from cinder.volume.drivers import lvm, rbd

    assert driver.BaseVD.SUPPORTS_ACTIVE_ACTIVE is False and lvm.LVMVolumeDriver.SUPPORTS_ACTIVE_ACTIVE is False
    assert rbd.RBDDriver.SUPPORTS_ACTIVE_ACTIVE is True
    assert "self.cluster and not self.driver.SUPPORTS_ACTIVE_ACTIVE" in inspect.getsource(manager)


@relied_on(DRIVERS)
def every_driver_can_be_imported():
    """All of Cinder's drivers can be imported with what is installed and with cinderlib's stand-ins for the rest."""
    found, broken = ours("drivers").catalogue()
    assert not broken, broken
    assert len(found) >= 92, len(found)


@relied_on(DRIVERS)
def vendors_packages_are_ciders_extras():
    """Cinder's metadata names its drivers' packages as extras, under the names we know them by."""
    requirements = ours("drivers")._requirements()
    known = {ours("drivers")._canonical(name) for name in ours("drivers")._PROJECTS.values()} - {
        "pyopenssl",
        "websocket-client",
        "linstor",
    }
    assert known <= set(requirements), known - set(requirements)


@relied_on(OPTIONS, DECLARATIONS, DRIVERS)
def options_can_be_listed_and_described():
    """oslo.config keeps a group's options as ``_opts`` = {name: {"opt": Opt}}, and an option tells these things about itself."""
    import cinderlib  # noqa: F401  # pylint: disable=unused-import
    from cinder.volume.drivers import lvm  # noqa: F401  # pylint: disable=unused-import
    from oslo_config import cfg

    declared = ours("options")._declared()
    option = declared["volume_group"]
    has(
        option,
        "name",
        "dest",
        "type",
        "default",
        "help",
        "secret",
        "required",
        "deprecated_for_removal",
        "deprecated_reason",
        "deprecated_opts",
    )
    for key, value, good in (("volume_group", "vg", True), ("lvm_type", "no such", False)):
        try:
            cfg.CONF.set_override(key, value, ours("options")._GROUP)
            assert good, "%s took %r" % (key, value)
        except ValueError:
            assert not good
        cfg.CONF.clear_override(key, ours("options")._GROUP, clear_cache=True)


@relied_on(OPTIONS)
def an_option_that_two_drivers_declare_gives_way():
    """DuplicateOptError names the option, and an option can be taken back also when cinderlib is set up."""
    from oslo_config import cfg

    set_up()
    cfg.CONF.register_opt(cfg.StrOpt("once-more", help="this"), group="backend_defaults")
    try:
        cfg.CONF.register_opt(cfg.StrOpt("once-more", help="that"), group="backend_defaults")
        raise AssertionError("a second declaration was taken")
    except cfg.DuplicateOptError as error:
        assert error.opt_name.replace("-", "_") == "once_more"
    cfg.CONF.unregister_opt(ours("options")._declared()["once_more"], group="backend_defaults")
    assert "once_more" not in ours("options")._declared()


@relied_on(OPTIONS, DECLARATIONS)
def what_a_driver_declares_alone_it_may_be_given():
    """All options that a process has in which one driver was imported are taken by that driver, and what it takes depends on no other one's import."""
    import cinderlib  # noqa: F401  # pylint: disable=unused-import

    options, declarations = ours("options"), ours("declarations")
    ours("engine")
    for_all = set(options._declared())

    def everything():
        return sorted(ours("drivers").catalogue()[0]), [name for name in sys.modules if not name.startswith("cinder.volume.drivers.")]

    names, packages = _in_a_child(everything)
    for name in packages:  # vendors' packages take a while, and declare nothing here
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    assert set(options._declared()) == for_all

    def alone(path):
        cls = getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2])
        return sorted(options._declared()), sorted(declarations.options_taken_by(cls))

    found = {path: _in_a_child(functools.partial(alone, path)) for path in names}
    classes = ours("drivers").catalogue()[0]
    for path, (declared, taken) in found.items():
        assert not set(declared) - set(taken), (path, set(declared) - set(taken))
        assert sorted(declarations.options_taken_by(classes[path])) == taken, path


def _in_a_child(function):
    """Return what a function returns in a child of this process, which keeps what it imports to itself."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(writing, "w", encoding="utf-8") as stream:
            json.dump(function(), stream)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return json.loads(answer)
