# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders docs/drivers.md from the record of what was exercised and from what all drivers declare. Pure."""

from __future__ import annotations

HEADER = """\
# Drivers

<!-- Made by `make drivers` from docs/drivers/exercised.json and from the drivers' own sources: change those, not this. -->

Every driver of Cinder {cinder} can be used, and any other by its dotted path. Below is what was really done with some, and what the
others say of themselves. `legacy_driver_info` tells the same of the release on your controller, and all options.
"""

EXERCISED = """
## Exercised

Run for real on the [lab's](lab.md) hosts, through the collection's modules, by `tools/drivers exercise`: cinderlib's functional tests as
plays ([functional.yml](../tests/lab/functional/functional.yml)), and what goes beyond them
([operations.yml](../tests/lab/functional/operations.yml), [copies.yml](../tests/lab/functional/copies.yml)). Most of what goes beyond them is foreseen
in check mode, done, and asked for again; cinderlib's tests are only done. What is read from a volume is compared with what was written to it.
"""

DECLARED = """
## Declared

Volumes, snapshots, clones and attaching are what every driver has to offer. Beyond that, this is what each driver's sources have code for.
It was read, not tried: an array, a licence or an option may say no.

| column | the driver has code to |
|---|---|
{legend}

Packages are those that a driver imports only where they are there (`controller_python_packages` installs them). ⚠: Cinder's developers do
not support the driver any more.
"""

FEATURES = {
    "revert_to_snapshot": ("revert", "revert a volume to a snapshot by itself"),
    "retype": ("retype", "change a volume's type in place"),
    "migrate": ("migrate", "move a volume to another pool or backend by itself"),
    "adopt_volume": ("adopt", "take over volumes that exist on the array (with + their snapshots too)"),
    "group_snapshot": ("group", "take consistent snapshots of several volumes"),
    "multiattach": ("shared", "attach one volume to several hosts"),
    "replication": ("replication", "replicate, and fail over"),
    "clone_image": ("images", "clone an image that the array holds already"),
    "active_active": ("several", "let several controllers with one store work on one backend at once (`SUPPORTS_ACTIVE_ACTIVE`)"),
}
IN_TREE = "cinder.volume.drivers."


def render(exercised, drivers):
    """Return the page.

    :param exercised: docs/drivers/exercised.json's content.
    :param drivers: ``drivers`` as the worker's driver.list returns them.
    """
    cinder = sorted({record["versions"]["cinder"] for record in exercised.values()})
    text = HEADER.format(cinder=" and ".join(cinder) or "on the controller")
    if exercised:
        text += EXERCISED + "\n" + "\n".join(_exercised(exercised)) + "\n"
    legend = "\n".join("| %s | %s |" % names for names in FEATURES.values())
    return text + DECLARED.format(legend=legend) + "\n" + "\n".join(_declared(drivers)) + "\n"


def _row(cells):
    return "| %s |" % " | ".join(cells)


def _table(head, rows):
    return [_row(head), "|" + "---|" * len(head), *(_row(row) for row in rows)]


def _exercised(exercised):
    names = sorted(exercised)
    cases = list(dict.fromkeys(case for name in names for case in exercised[name]["cases"]))
    counted = sorted({operation for name in names for operation in exercised[name]["operations"]})
    about = [_about(name, exercised[name]) for name in names]
    yield from _table(["", "backend", "driver", "versions", "date"], about)
    yield ""
    yield from _table(["case", *names], [[case, *(_outcome(exercised[name], case) for name in names)] for case in cases])
    yield ""
    yield "Operations that were carried out meanwhile:"
    yield ""
    counts = [[operation, *(str(exercised[name]["operations"].get(operation, "—")) for name in names)] for operation in counted]
    yield from _table(["operation", *names], counts)


def _about(name, record):
    versions = ", ".join(" ".join(pair) for pair in record["versions"].items())
    return ["**%s**" % name, record["title"], "`%s`" % record["driver"].removeprefix(IN_TREE), versions, record["date"]]


def _outcome(record, case):
    outcome = record["cases"].get(case, "—")
    return "✔" if outcome == "shown" else outcome


def _declared(drivers):
    rows = []
    for driver in sorted(drivers, key=lambda driver: driver["name"]):
        have = driver["features"]
        cells = ["✔" if feature in have else "" for feature in FEATURES]
        place = list(FEATURES).index("adopt_volume")
        if "adopt_volume" in have and "adopt_snapshot" in have:
            cells[place] = "✔ +"
        name = "`%s`%s" % (driver["name"].removeprefix(IN_TREE), "" if driver["supported"] else " ⚠")
        packages = ", ".join("`%s`" % package["requirement"] for package in driver["python_packages"])
        rows.append([name, ", ".join(driver["protocols"]), *cells, packages])
    return _table(["driver", "protocol", *(short for short, _long in FEATURES.values()), "packages"], rows)
