# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What preflight wants to know of a host, put together: Machine -> facts. Reads only; judged in ``plan/preflight.py``."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import time

from ..plan.machines import FILE, judge, parse
from . import disks, hardware, multipath_conf, texts
from . import machine as machines

AREAS = ("platform", "python", "names", "kernel", "programs", "services", "iscsi", "multipath", "lvm", "clock", "portals", "space", "kubelet")
UNITS = ("iscsid.socket", "iscsid.service", "multipathd.service")
_RELEASE = re.compile(r"python(3\.[0-9]+)")


def look(machine, wanted):
    """Return ``{area: what was seen}`` for the areas in ``wanted["only"]``, and ``unseen``.

    :param wanted: the module's parameters, with ``kernel_modules`` and ``programs`` as lists of all that are wanted.
    """
    ways = {
        "platform": lambda: _platform(machine, wanted),
        "python": lambda: _python(machine, wanted),
        "names": lambda: _names(machine, wanted),
        "kernel": lambda: {name: _kernel_module(machine, name) for name in wanted["kernel_modules"]},
        "programs": lambda: {name: machine.program(name) is not None for name in wanted["programs"]},
        "services": lambda: _services(machine),
        "iscsi": lambda: _iscsi(machine),
        "multipath": lambda: _multipath(machine),
        "lvm": lambda: _lvm(machine),
        "clock": lambda: {"synchronised": machines.clock_is_synchronised(), "now": time.time()},
        "portals": lambda: _portals(wanted),
        "space": lambda: _space(machine, wanted["directories"]),
        "kubelet": lambda: _kubelet(machine, wanted["kubelet_dir"]),
    }
    facts = {area: ways[area]() for area in AREAS if area in wanted["only"]}
    return dict(facts, unseen=machine.unseen)


def _platform(machine, wanted):
    name, family = texts.platform(machine.read("/etc/os-release") or machine.read("/usr/lib/os-release") or "")
    return {
        "name": name,
        "family": family,
        "systemd": machine.is_there("/run/systemd/system"),
        "kernel": machine.text("/proc/sys/kernel/osrelease"),
        "prepared": machine.is_there(wanted["node_config"]),
    }


def _python(machine, wanted):
    """Enterprise Linux 9 and Ubuntu 22.04 have an older one as python3; the role installs another beside it."""
    path = wanted["python"] or "/usr/bin/python3"
    version = _version(machine, path)
    name, family = texts.platform(machine.text("/etc/os-release"))
    is_older = (family == "RedHat" and version in ("3.6", "3.9")) or name.startswith("Ubuntu 22.04")
    if wanted["python"] is None and is_older:
        path = "/usr/bin/python3.11"
        version = _version(machine, path)
    return {"path": path, "version": version}


def _version(machine, path):
    if not machine.is_there(path):
        return None
    named = _RELEASE.fullmatch(os.path.basename(machine.resolved(path)))
    if named:
        return named.group(1)
    told = machine.run([machine.path(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return told[1].strip() if told and told[0] == 0 else None


def _names(machine, wanted):
    """An initiator name may be told as ``None`` (not readable) or ``""`` (there is none)."""
    text = machine.read("/etc/iscsi/initiatorname.iscsi")
    hidden = machine.is_hidden("/etc/iscsi/initiatorname.iscsi")
    found = texts.initiator_names(text or "")
    return {
        "half": wanted["half"],
        "node": wanted["node_name"],
        "host": machine.text("/proc/sys/kernel/hostname"),
        "initiator": None if hidden else (found or [""])[0],
        "initiators": found,
        "hostnqn": (machine.read("/etc/nvme/hostnqn") or "").strip(),
        "hostid": (machine.read("/etc/nvme/hostid") or "").strip(),
        "machine_id": (machine.read("/etc/machine-id") or "").strip(),
        "live": bool(machine.names("/sys/class/iscsi_session")),
        "live_nvme": any(
            machine.text("/sys/class/nvme/%s/transport" % name) not in ("", "pcie", "apple-nvme") for name in machine.names("/sys/class/nvme")
        ),
        "machine": _own_machine(machine, wanted["node_config"]),
    }


def _own_machine(machine, node_config):
    """Return what tells this machine from others, and what it is to the node whose settings lie on its disk (``None`` where that could not be read)."""
    try:
        settings = dict(json.loads(machine.read(node_config) or "{}"))
    except (ValueError, TypeError):
        settings = {}
    folder = str(settings.get("state_dir") or "")
    path = os.path.join(folder, FILE)
    text = machine.read(path) if folder else None
    found = {"seen": hardware.look(machine), "node": settings.get("host"), "file": path if folder else None, "kept": None, "verdict": None, "error": None}
    found["attached"] = sum(name.endswith(".json") for name in machine.names(folder + "/attachments")) if folder else 0
    if machine.is_hidden(node_config) or machine.is_hidden(path):
        return found
    try:
        found["kept"] = parse(text) if text is not None else None
    except ValueError as error:
        return dict(found, error=str(error))
    return dict(found, verdict=judge(found["kept"], found["seen"]))


def _kernel_module(machine, name):
    """Return ``loaded``, ``builtin``, ``available``, ``disabled`` (by modprobe's configuration, or no module may be loaded any more) or ``missing``."""
    name = name.replace("-", "_")
    if machine.is_there("/sys/module/" + name):
        return "loaded"
    folder = "/lib/modules/%s/" % machine.text("/proc/sys/kernel/osrelease")
    if name in _module_names(machine.text(folder + "modules.builtin")):
        return "builtin"
    if machine.text("/proc/sys/kernel/modules_disabled") == "1":
        return "disabled"
    told = machine.run(["modprobe", "--dry-run", "--show-depends", name])
    if told is None:  # no modprobe
        return "available" if name in _module_names(machine.text(folder + "modules.dep")) else "missing"
    if told[0] != 0:
        return "missing"
    return "disabled" if re.search(r"^install \S*(false|true)\b", told[1], re.MULTILINE) else "available"


def _module_names(listed):
    return {line.partition(":")[0].rpartition("/")[2].partition(".")[0].replace("-", "_") for line in listed.splitlines()}


def _services(machine):
    """Return ``{unit: {"enabled", "active", "masked"}}`` of those that there are; ``None`` where systemd does not tell."""
    told = machine.run(["systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState", *UNITS])
    if not told or told[0] != 0:
        machine.cannot_see("services (systemctl does not answer)")
        return None
    found = {}
    for paragraph in told[1].split("\n\n"):
        values = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        if values.get("LoadState") in ("loaded", "masked"):
            enabled = values.get("UnitFileState", "") in ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")
            active = values.get("ActiveState") in ("active", "activating", "reloading")
            found[values["Id"]] = {"enabled": enabled, "active": active, "masked": values["LoadState"] == "masked"}
    return found


def _iscsi(machine):
    text = machine.read("/etc/iscsi/iscsid.conf")
    known = texts.settings(text or "")
    hidden = machine.is_hidden("/etc/iscsi/iscsid.conf")
    return {
        "configured": None if hidden else text is not None,
        "startup": known.get("node.startup", ""),
        "scan": known.get("node.session.scan", ""),
        "sessions": disks.sessions(machine),
    }


def _multipath(machine):
    files = []
    # The directory can be set in the main file; nobody does.
    names = [name for name in machine.names("/etc/multipath/conf.d") if name.endswith(".conf")]
    for path in ["/etc/multipath.conf"] + ["/etc/multipath/conf.d/" + name for name in names]:
        text = machine.read(path)
        if text is not None:
            files.append((path, text))
    hidden = machine.is_hidden("/etc/multipath.conf")
    blocks = [multipath_conf.BUILT_IN] + multipath_conf.read(files)
    live = disks.sessions(machine)
    everything = [disks.describe(machine, name, live) for name in machine.names("/sys/class/block") if _is_whole_disk(machine, name)]
    for disk in everything:
        disk["hidden_by"] = multipath_conf.hides(blocks, dict(disk, devnode=disk["name"]))
    find, find_file = multipath_conf.last(blocks, "find_multipaths")
    retry, retry_file = multipath_conf.last(blocks, "no_path_retry", "overrides")
    if retry is None:
        retry, retry_file = multipath_conf.last(blocks, "no_path_retry")
    return {
        "files": [path for path, _text in files],
        "main_file": None if hidden else "/etc/multipath.conf" in dict(files),
        "find_multipaths": {"value": find, "file": find_file},
        "no_path_retry": {"value": retry, "file": retry_file},
        "hides_volumes": _hides_volumes(blocks),
        "maps": disks.maps(machine),
        "disks": everything,
        "system": _system(machine),
    }


def _lvm(machine):
    """Return ``None`` where there is no LVM. Its own program tells what holds of its files and of what it was built with."""
    told = machine.run(["lvmconfig", "--typeconfig", "full"])
    if told is None:
        return None
    known = texts.lvm_settings(told[1])
    listed = "/etc/lvm/devices/%s" % known.get("devicesfile", "system.devices")
    return {
        "filter": known.get("global_filter", []),
        "devices_file": bool(known.get("use_devicesfile")) and machine.is_there(listed),
        "activates": known.get("auto_activation_volume_list"),
        "active": disks.logical_volumes(machine, disks.sessions(machine)),
        "system": _system(machine),
    }


def _system(machine):
    return disks.system_devices(machine, texts.mounts(machine.text("/proc/self/mountinfo")))


def _hides_volumes(blocks):
    """Return what would hide a volume of an array, whoever made the array; ``None`` when nothing does."""
    for protocol in ("scsi:iscsi", "scsi:fcp"):
        for name in ("sdb", "sdzz"):
            hidden = multipath_conf.hides(blocks, {"devnode": name, "protocol": protocol, "wwid": "36001405309c19a76a5f4ce398272f655"})
            if hidden:
                return hidden
    return None


def _is_whole_disk(machine, name):
    folder = "/sys/class/block/" + name
    return not name.startswith(("dm-", "loop", "ram", "zram", "sr", "fd", "md", "nbd")) and not machine.is_there(folder + "/partition")


def _portals(wanted):
    found = [{"portal": text, "where": texts.portal(text)} for text in wanted["portals"]]
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(lambda its: machines.connects(its["where"][0], its["where"][1], wanted["portal_timeout"]), found))
    return [{"portal": its["portal"], "reachable": error is None, "error": error} for its, error in zip(found, answers)]


def _space(machine, directories):
    """Return for each directory what there is on its file system: ``{"directory", "there", "device", "free", "needed", "read_only"}``, sizes in MiB."""
    found = []
    for directory, needed in sorted(directories.items()):
        place = os.path.abspath(directory)
        while not machine.is_there(place) and place != "/":
            place = os.path.dirname(place)
        try:
            told = os.statvfs(machine.path(place))
            device = os.stat(machine.path(place)).st_dev
        except OSError as error:
            machine.cannot_see("free space below %s (%s)" % (directory, error.strerror))
            continue
        found.append(
            {
                "directory": directory,
                "there": machine.is_there(directory),
                "device": device,
                "free": told.f_bavail * told.f_frsize // 2**20,
                "inodes": told.f_favail if told.f_files else None,
                "needed": int(needed),
                "read_only": bool(told.f_flag & os.ST_RDONLY),
            }
        )
    return found


def _kubelet(machine, folder):
    """Return ``None`` where there is no kubelet."""
    if not machine.is_there(folder):
        return None
    mount = texts.mount_of(texts.mounts(machine.text("/proc/self/mountinfo")), machine.resolved(folder))
    told = os.statvfs(machine.path(folder))
    return {
        "directory": folder,
        "mount_point": mount.point if mount else None,
        "shared": mount.shared if mount else None,
        "free_percent": 100 * told.f_bavail // max(told.f_blocks, 1),
        "swap": [line.split()[0] for line in machine.text("/proc/swaps").splitlines()[1:] if line.split()],
    }
