# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operation, what must be there before it, its opposite, and the steps at which it can break; for test_interrupted.py and test_connection_lost.py.

A step is a transaction of the store or a call of the driver. test_interrupted.py compares the list with what a run really passes: a new one cannot go untested.
"""

from __future__ import annotations

import collections

GOLD = b"gold" * 1024


def volume(name, **parameters):
    return "volume", dict({"backend": "one"}, name=name, **parameters)


def snapshot(name, **parameters):
    return "snapshot", dict(parameters, backend="one", name=name)


def group_snapshot(name, **parameters):
    return "group_snapshot", dict(parameters, backend="one", name=name)


def export(host, multipath=False):
    return "export", {"backend": "one", "volume": "data", "host": host, "multipath": multipath}


def image(**parameters):
    return "image", dict(parameters, backend="one", path="{array}/data.qcow2")


def repository(**parameters):
    return "repository", dict({"name": "offsite", "location": "{root}/repository", "password": "canary-repository-password"}, **parameters)


def backup(name="monday", **parameters):
    return "backup", dict({"repository": "offsite", "backend": "one", "volume": "data"}, name=name, **parameters)


def absent(noun, parameters):
    told_by = ("repository", "backend", "name", "path", "volume", "host", "force")
    return noun, {key: value for key, value in parameters.items() if key in told_by} | {"state": "absent"}


def released(noun, parameters):
    return noun, {"backend": "one", "name": parameters["name"], "state": "released"}


def steps(*names):
    """Points around transactions ("+" stands for one) and calls ("!" for one that the driver does not offer); others as they are called."""
    points, commits, seen = [], 0, collections.Counter()
    for name in names:
        seen[name] += 1
        if name.endswith("!"):
            points.append("before " + name[:-1])
            continue
        if name.startswith(("before ", "amid ", "after ")):
            points.append(name + " again" * (seen[name] > 1))
            continue
        if name == "+":
            commits += 1
            name = "commit %d" % commits
        elif seen[name] > 1:
            name += " again"
        points += ["before " + name, "after " + name]
    return points


DATA = volume("data", size="1")
SHARED = volume("data", size="1", extra_specs={"multiattach": "<is> True"})
SNAPPED = snapshot("snap", volume="data")
ADOPTED = volume("data", adopt={"source-name": "lun7"})
LUN = "lun", GOLD  # a file of somebody else on the array
WRITTEN = "write", b"lead" * 1024  # what a host wrote since
IMAGE = image(volume="data")
UNMAP = ("terminate_connection", "remove_export")
GROUPING = ("backend", {"name": "one", "driver": "sparse_files.GroupingDriver"}), DATA, volume("log", size="1")
BOTH = group_snapshot("both", volumes=["data", "log"])
AGAIN = group_snapshot("again", volumes=["log", "data"])
TWO = ("backend", {"name": "two"})  # on the same array, where the two must not get into each other's way
OPEN = ("+", "create_export", "+", "initialize_connection", "+", "+")
CLOSE = (*UNMAP, "+")
SAVE = ("before save", "+", "amid blocks", "after save")
FILL = ("before read", "+", "amid write", "after read", "+", "amid blocks")
COPY = ("+", "create_volume", "+", *OPEN, *OPEN, "copy", "compare", *CLOSE, *CLOSE, "+", "delete_volume", "+")
GONE = [absent(*volume("data")), absent(*volume("data", backend="two"))]
REPOSITORY = repository()
BACKUP = backup()
MAP = ("create_export", "+", "+", "initialize_connection")
PRUNES = "back a volume up and delete what is not kept"
# name: (what was before, the operation, its opposite, its steps)
OPERATIONS = {
    "create a volume": ([], DATA, absent(*DATA), steps("+", "create_volume", "+", "+")),
    "clone a volume": ([DATA], volume("copy", source_volume="data"), absent(*volume("copy")), steps("+", "create_cloned_volume", "+", "+")),
    "create a volume from a snapshot, larger": (
        [DATA, SNAPPED],
        volume("copy", source_snapshot="snap", size="2"),
        absent(*volume("copy")),
        steps("+", "create_volume_from_snapshot", "+", "+"),
    ),
    "extend a volume": ([DATA], volume("data", size="2"), absent(*DATA), steps("+", "extend_volume", "+")),
    "extend an attached volume": (
        [DATA, export("node1")],
        volume("data", size="2"),
        absent(*volume("data", force=["attached"])),
        steps("+", "extend_volume", "+"),
    ),
    "change a volume's metadata": ([DATA], volume("data", metadata={"a": "b"}), absent(*DATA), steps("+")),
    "rename a volume": ([DATA, SNAPPED], volume("new", renamed_from="data"), volume("data", renamed_from="new"), steps("+")),
    "rename a snapshot": ([DATA, SNAPPED], snapshot("new", renamed_from="snap"), snapshot("snap", renamed_from="new"), steps("+")),
    "retype a volume": ([DATA], volume("data", qos_specs={"iops": "9"}), volume("data", qos_specs={}), steps("+", "retype", "+", "+")),
    "retype an attached volume, then delete it": (
        [DATA, export("node1")],
        volume("data", qos_specs={"iops": "9"}),
        absent(*volume("data", force=["attached"])),
        steps("+", "retype", "+", "+"),
    ),
    "revert a volume": ([DATA, SNAPPED, WRITTEN], volume("data", revert_to="snap"), absent(*SNAPPED), steps("+", "revert_to_snapshot", "+")),
    "revert a volume, then delete it": (
        [DATA, SNAPPED, WRITTEN],
        volume("data", revert_to="snap"),
        absent(*volume("data", force=["snapshots"])),
        steps("+", "revert_to_snapshot", "+"),
    ),
    "adopt a volume": ([LUN], volume("data", adopt={"source-name": "lun7"}), released(*DATA), steps("+", "manage_existing", "+", "+")),
    "adopt a volume, then delete it": ([LUN], volume("data", adopt={"source-name": "lun7"}, size="1"), absent(*DATA), steps("+", "manage_existing", "+", "+")),
    "adopt a snapshot": (
        [DATA, LUN],
        snapshot("snap", volume="data", adopt={"source-name": "lun7"}),
        released(*SNAPPED),
        steps("+", "manage_existing_snapshot", "+", "+"),
    ),
    "release a volume": ([LUN, ADOPTED], released(*DATA), absent(*DATA), steps("+", "unmanage", "+")),
    "release a snapshot": ([DATA, SNAPPED], released(*SNAPPED), absent(*SNAPPED), steps("+", "unmanage_snapshot", "+")),
    "delete a volume": ([DATA], absent(*DATA), DATA, steps("+", "delete_volume", "+")),
    "delete a volume with snapshot and export": (
        [DATA, SNAPPED, export("node1")],
        absent(*volume("data", force=["attached", "snapshots"])),
        DATA,
        steps("+", *UNMAP, "+", "+", "delete_snapshot", "+", "+", "delete_volume", "+"),
    ),
    "create a snapshot": ([DATA], SNAPPED, absent(*SNAPPED), steps("+", "create_snapshot", "+", "+")),
    "change a snapshot's metadata": ([DATA, SNAPPED], snapshot("snap", metadata={"a": "b"}), absent(*SNAPPED), steps("+")),
    "delete a snapshot": ([DATA, SNAPPED], absent(*SNAPPED), SNAPPED, steps("+", "delete_snapshot", "+")),
    "take a group snapshot": (
        [*GROUPING],
        BOTH,
        absent(*BOTH),
        steps("+", "create_group", "+", "update_group", "+", "create_group_snapshot", "+"),
    ),
    "take another group snapshot of the same volumes": ([*GROUPING, BOTH], AGAIN, absent(*AGAIN), steps("+", "create_group_snapshot", "+")),
    "rename a group snapshot": (
        [*GROUPING, BOTH],
        group_snapshot("new", renamed_from="both"),
        group_snapshot("both", renamed_from="new"),
        steps("+"),
    ),
    "change a group snapshot's metadata": ([*GROUPING, BOTH], group_snapshot("both", metadata={"a": "b"}), absent(*BOTH), steps("+")),
    "delete a group snapshot": (
        [*GROUPING, BOTH],
        absent(*BOTH),
        BOTH,
        steps("+", "delete_group_snapshot", "+", "update_group", "+", "delete_group", "+"),
    ),
    "delete one of two group snapshots": ([*GROUPING, BOTH, AGAIN], absent(*AGAIN), AGAIN, steps("+", "delete_group_snapshot", "+", "+")),
    "create an export": ([DATA], export("node1"), absent(*export("node1")), steps("+", *MAP, "+")),
    "create a second export": ([SHARED, export("node2")], export("node1"), absent(*export("node1")), steps("+", *MAP, "+")),
    "update an export": (
        [DATA, export("node1")],
        export("node1", multipath=True),
        absent(*export("node1")),
        steps("+", "create_export", "+", "initialize_connection", "+"),
    ),
    "delete an export": ([DATA, export("node1")], absent(*export("node1")), export("node1"), steps("+", *UNMAP, "+")),
    "make an image of a volume": (
        [DATA],
        IMAGE,
        absent(*IMAGE),
        steps("+", *OPEN, "write_file", "compare", *CLOSE, "_write_record", "_rename_new", "+"),
    ),
    "replace an image by a snapshot's": (
        [DATA, SNAPPED, IMAGE],
        image(snapshot="snap", force=["existing"]),
        absent(*image()),
        steps("+", "+", "create_volume_from_snapshot", "+", *OPEN, "write_file", "compare", *UNMAP, "delete_volume", "+", "_write_record", "+"),
    ),
    "delete an image": ([DATA, IMAGE], absent(*IMAGE), IMAGE, steps("+", "+")),
    "create a volume from an image": (
        [DATA, IMAGE],
        volume("copy", source_image="{array}/data.qcow2"),
        absent(*volume("copy")),
        steps("+", "+", "create_volume", "+", *OPEN, "copy", "compare", *CLOSE, "+"),
    ),
    "migrate a volume to another backend": ([TWO, DATA], volume("data", migrate_to={"backend": "two"}), GONE, steps(*COPY)),
    "retype a volume by migration": (
        [volume("data", size="1", extra_specs={"tier": "1"})],
        volume("data", extra_specs={"tier": "2"}, migration_policy="on-demand"),
        absent(*DATA),
        steps("+", "retype", *COPY, "+"),
    ),
    "revert a volume by copying": (
        [("backend", {"name": "one", "without": "revert"}), DATA, SNAPPED, WRITTEN],
        volume("data", revert_to="snap"),
        absent(*volume("data", force=["snapshots"])),
        steps("+", "revert_to_snapshot!", "+", "create_volume_from_snapshot", "+", *OPEN, *OPEN, "copy", "compare", *CLOSE, *UNMAP, "delete_volume", "+", "+"),
    ),
    "let the driver move a volume to another pool": (
        [DATA, "moves"],
        volume("data", pool="second", migration_policy="on-demand"),
        absent(*DATA),
        steps("+", "migrate_volume", "+", "+"),
    ),
    "delete one of two exports": (
        [SHARED, export("node1"), export("node2")],
        absent(*export("node1")),
        export("node1"),
        steps("+", "terminate_connection", "+"),
    ),
    "create a volume from a URL": (
        [DATA, IMAGE],
        volume("copy", source_image="{url}/data.qcow2"),
        absent(*volume("copy")),
        steps("+", "before download", "+", "after download", "+", "create_volume", "+", *OPEN, "copy", "compare", *CLOSE, "+"),
    ),
    "register a backend": ([], TWO, absent(*TWO), steps("+")),
    "update a backend": ([TWO], ("backend", {"name": "two", "without": "revert"}), absent(*TWO), steps("+")),
    "delete a backend": ([TWO], absent(*TWO), TWO, steps("+")),
    "register a repository": ([], REPOSITORY, absent(*REPOSITORY), steps("restic create", "+")),
    "update a repository": ([REPOSITORY], repository(environment={"RESTIC_COMPRESSION": "off"}), absent(*REPOSITORY), steps("+")),
    "forget a repository": ([REPOSITORY, DATA, BACKUP], absent(*REPOSITORY), REPOSITORY, steps("+")),
    "back a volume up and verify": (
        [REPOSITORY, DATA],
        backup(verify=True),
        absent(*BACKUP),
        steps("delete", "+", *OPEN, *SAVE, *CLOSE, "before read", "+", "after read", "record", "+"),
    ),
    PRUNES: (
        [REPOSITORY, DATA, BACKUP],
        backup("tuesday", keep={"last": 1}),
        absent(*backup("tuesday")),
        steps("delete", "+", *OPEN, *SAVE, *CLOSE, "record", "+", "+", "delete", "+"),
    ),
    "back an attached volume up": (
        [REPOSITORY, DATA, export("node1")],
        BACKUP,
        absent(*BACKUP),
        steps(
            *("delete", "+", "create_snapshot", "+", "+", "create_volume_from_snapshot", "+", *OPEN, *SAVE, *UNMAP, "delete_volume", "+"),
            *("delete_snapshot", "record", "+"),
        ),
    ),
    "delete a backup": ([REPOSITORY, DATA, BACKUP], absent(*BACKUP), BACKUP, steps("+", "delete", "+")),
    "restore a backup": (
        [REPOSITORY, DATA, BACKUP, WRITTEN],
        backup(state="restored"),
        absent(*DATA),
        steps("+", *OPEN, *FILL, *CLOSE, "+"),
    ),
    "create a volume from a backup": (
        [REPOSITORY, DATA, BACKUP],
        volume("copy", source_repository="offsite", source_backup="monday"),
        absent(*volume("copy")),
        steps("+", "create_volume", "+", *OPEN, *FILL, *CLOSE, "+"),
    ),
}
# What each of them is for the executor, which a test compares with all that it can do.
DOES = {
    ("volume", "create"): [
        "create a volume",
        "clone a volume",
        "create a volume from a snapshot, larger",
        "create a volume from an image",
        "create a volume from a URL",
        "create a volume from a backup",
    ],
    ("volume", "extend"): ["extend a volume", "extend an attached volume"],
    ("volume", "update"): ["change a volume's metadata"],
    ("volume", "rename"): ["rename a volume"],
    ("snapshot", "rename"): ["rename a snapshot"],
    ("volume", "retype"): ["retype a volume", "retype an attached volume, then delete it", "retype a volume by migration"],
    ("volume", "revert"): ["revert a volume", "revert a volume, then delete it", "revert a volume by copying"],
    ("volume", "adopt"): ["adopt a volume", "adopt a volume, then delete it"],
    ("snapshot", "adopt"): ["adopt a snapshot"],
    ("volume", "release"): ["release a volume"],
    ("snapshot", "release"): ["release a snapshot"],
    ("volume", "delete"): ["delete a volume", "delete a volume with snapshot and export"],
    ("export", "delete"): ["delete a volume with snapshot and export", "delete an export", "delete one of two exports"],
    ("snapshot", "delete"): ["delete a volume with snapshot and export", "delete a snapshot"],
    ("snapshot", "create"): ["create a snapshot"],
    ("snapshot", "update"): ["change a snapshot's metadata"],
    ("group_snapshot", "create"): ["take a group snapshot", "take another group snapshot of the same volumes"],
    ("group_snapshot", "rename"): ["rename a group snapshot"],
    ("group_snapshot", "update"): ["change a group snapshot's metadata"],
    ("group_snapshot", "delete"): ["delete a group snapshot", "delete one of two group snapshots"],
    ("export", "create"): ["create an export", "create a second export"],
    ("export", "update"): ["update an export"],
    ("image", "create"): ["make an image of a volume"],
    ("image", "replace"): ["replace an image by a snapshot's"],
    ("image", "delete"): ["delete an image"],
    ("volume", "migrate"): ["migrate a volume to another backend", "let the driver move a volume to another pool"],
    ("backend", "register"): ["register a backend"],
    ("backend", "update"): ["update a backend"],
    ("backend", "delete"): ["delete a backend"],
    ("repository", "register"): ["register a repository"],
    ("repository", "update"): ["update a repository"],
    ("repository", "forget"): ["forget a repository"],
    ("backup", "create"): ["back a volume up and verify", PRUNES, "back an attached volume up"],
    ("backup", "delete"): [PRUNES, "delete a backup"],
    ("volume", "restore"): ["restore a backup"],
}
ELSEWHERE = {
    ("backend", "fail_over"): "test_failover_unfinished.py has every step of it",
    ("backend", "fail_back"): "test_failover_unfinished.py has every step of it",
    ("export", "renew"): "asked again it is done again: test_meant_exports.py has its one step",
}
# What the next run does about one that was killed, here after each kill; and what is written down on somebody's word, in one transaction
# (test_failover_unfinished.py).
SETTLING = ("undo_", "finish_", "fail_", "record_", "confirm_", "clean_up", "close")
SETTLED = {("volume", "forget"), ("backend", "forget")}  # the same, under a name that repositories have for something else
POINTS = [(name, point) for name, (_before, _operation, _opposite, points) in OPERATIONS.items() for point in points]

COPYING = {name for name, point in POINTS if point == "before compare"}
BACKING_UP = {name for name, (before, operation, _opposite, _points) in OPERATIONS.items() if REPOSITORY in (*before, operation)}
ALWAYS = "migrate a volume to another backend"  # the one whose mistakes would cost data
ON_EACH_LANE = {"create a volume", "delete a volume with snapshot and export", "delete an export", ALWAYS}  # what a lane changes is not the journal
