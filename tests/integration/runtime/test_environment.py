# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade of a controller's or node's packages promises, with small packages that real pip installs: all of the new ones, or what was there."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import run_playbook

NAMES = ("tiny_a", "tiny_b", "tiny_c")
SERVE = "ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.serve"


def make_wheel(folder, name, version, whole=True):
    """Write a wheel of one module; one that is not whole makes pip fail in the midst of installing."""
    about = "%s-%s.dist-info" % (name, version)
    files = {
        "%s.py" % name: "VERSION = %r\n" % version,
        about + "/METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version),
        about + "/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if whole:
        files[about + "/RECORD"] = "".join("%s,,\n" % path for path in [*files, about + "/RECORD"])
    with zipfile.ZipFile(folder / ("%s-%s-py3-none-any.whl" % (name, version)), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


class Host:
    """The environment that a role makes on this machine."""

    def __init__(self, folder, role):
        self.folder = folder
        self.role = role
        self.environment = folder / "opt" / role
        self.wheels = folder / "wheels"
        self.environment.parent.mkdir()
        self.wheels.mkdir()

    def apply(self, version, *arguments, packages=()):
        """Let the role install these versions, and packages of drivers; return a Played."""
        variables = {
            "environment": str(self.environment),
            "pins": "".join("%s==%s\n" % (name, version) for name in NAMES),
            "wheelhouse": str(self.wheels),
            "python": sys.executable,
            "python_found": "%d.%d" % sys.version_info[:2],
            "python_packages": list(packages),
        }
        role = "baremetal.legacy_storage." + self.role
        tasks = [{"ansible.builtin.include_role": {"name": role, "tasks_from": name}} for name in ("environment.yml", "runtime.yml")]
        given = {"%s_%s" % (self.role, name): value for name, value in variables.items()}
        return run_playbook(self.folder, tasks, extra_vars=given, arguments=arguments, ignore_errors=False)

    def versions(self, names=NAMES):
        """Return the versions of packages, as the interpreter that everything uses sees them; it must find the collection's own code."""
        code = "import %s, %s; print(%s)" % (SERVE, ", ".join(names), ", ".join(name + ".VERSION" for name in names))
        return subprocess.run([self.environment / "bin/python", "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout.split()

    def there(self):
        return sorted(path.name for path in self.environment.parent.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("role", ["node", "controller"])
def test_packages_are_upgraded_as_a_whole_and_stay_what_they_were_where_that_fails(tmp_path, role):
    host = Host(tmp_path, role)
    for name in NAMES:
        make_wheel(host.wheels, name, "1")
        make_wheel(host.wheels, name, "2", whole=name != "tiny_b")
    (host.environment / "bin").mkdir(parents=True)  # what an earlier version of the collection made: no link

    done = host.apply("1")
    assert done.code == 0 and host.versions() == ["1", "1", "1"], done.output
    first = host.there()
    assert len(first) == 2 and "changed=0 " in host.apply("1").output

    failed = host.apply("2")
    assert failed.code == 2 and "Let pip install them" in failed.output, failed.output
    assert host.versions() == ["1", "1", "1"]
    assert host.apply("1").code == 0 and host.there() == first, "whoever goes back has nothing to mend, and nothing is left"

    make_wheel(host.wheels, "tiny_b", "2")
    foretold = host.apply("2", "--check")
    assert foretold.code == 0 and "changed=0 " not in foretold.output and host.versions() == ["1", "1", "1"]
    done = host.apply("2")
    assert done.code == 0 and host.versions() == ["2", "2", "2"], done.output
    assert len(host.there()) == 2 and host.there() != first, "the link and the environment that it leads to"
    assert "changed=0 " in host.apply("2").output


@pytest.mark.slow
def test_a_drivers_package_is_changed_as_a_whole_and_stays_what_it_was_where_that_fails(tmp_path):
    host = Host(tmp_path, "controller")
    for name in NAMES:
        make_wheel(host.wheels, name, "1")
    for version in ("1", "2"):
        make_wheel(host.wheels, "tiny_sdk", version, whole=version == "1")
        make_wheel(host.wheels, "tiny_other", version)
    every = (*NAMES, "tiny_sdk", "tiny_other")

    def wanted(version):
        return ["tiny_other==" + version, "tiny_sdk==" + version]

    assert host.apply("1").code == 0
    without = host.there()
    done = host.apply("1", packages=wanted("1"))
    assert done.code == 0 and host.versions(every) == ["1"] * 5, done.output
    first = host.there()
    assert len(first) == 2 and first != without, "the one without them is replaced by another, and goes"
    assert "changed=0 " in host.apply("1", packages=wanted("1")).output

    failed = host.apply("1", packages=wanted("2"))
    assert failed.code == 2 and "Let pip install those of drivers" in failed.output, failed.output
    assert host.versions(every) == ["1"] * 5, "also that package which pip would have changed first"
    assert host.apply("1", packages=wanted("1")).code == 0 and host.there() == first

    make_wheel(host.wheels, "tiny_sdk", "2")
    done = host.apply("1", packages=wanted("2"))
    assert done.code == 0 and host.versions(every) == ["1", "1", "1", "2", "2"], done.output
    assert len(host.there()) == 2 and host.there() != first
    assert "changed=0 " in host.apply("1", packages=wanted("2")).output
