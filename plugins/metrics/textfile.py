# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the figures of a half for node_exporter's textfile collector. systemd starts it (role ``monitoring``).

    python -m ansible_collections.baremetal.legacy_storage.plugins.metrics.textfile controller|node CONFIG PATH SECONDS

Half a file is never seen, and no old one stays: where the half cannot tell, the file says just that.
"""

from __future__ import annotations

import os
import sys
import time

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import GaugeMetricFamily

from ..module_utils.model.errors import StorageError
from ..module_utils.worker.client import ask
from . import figures


def _controller(config, patience):
    told = {"backend.list": {"refresh": True, "timeout": patience}, "volume.list": {}, "snapshot.list": {}, "export.list": {}, "store.show": {}}
    return figures.of_controller({verb: ask("controller", config, verb, arguments).result for verb, arguments in told.items()})


def _node(config, _patience):
    return figures.of_node({"attachment.list": ask("host", config, "attachment.list", {}).result})


_HALVES = {"controller": _controller, "node": _node}


class _Figures:
    """A collector of figures that are there already."""

    def __init__(self, found):
        self._found = found

    def collect(self):
        """Give one family for each name that has figures."""
        for name, (labels, told) in figures.FAMILIES.items():
            of_name = [(values, value) for found, values, value in self._found if found == name]
            if of_name:
                family = GaugeMetricFamily(figures.PREFIX + name, told, labels=labels)
                for values, value in of_name:
                    family.add_metric([values[label] for label in labels], value)
                yield family


def registry(found):
    """Return a registry of prometheus_client with these figures."""
    made = CollectorRegistry(auto_describe=False)
    made.register(_Figures(found))
    return made


def write(half, config, path, patience, say):
    """Ask a half and write the file; return whether it could tell.

    :param patience: seconds for each storage system to answer. :param say: called with a sentence on what went wrong.
    :raises OSError: where the file cannot be written; the one before stays.
    """
    began, clock, found, success = time.time(), time.monotonic(), [], True
    try:
        found = _HALVES[half](config, patience)
    except StorageError as error:
        say(error.message)
        success = False
    except Exception as error:  # whatever it was: an old file that stays would tell of a time that is over
        say("%s: %s" % (type(error).__name__, error))
        success = False
    found = found + figures.of_scrape(half, success, time.monotonic() - clock, began)
    write_to_textfile(path, registry(found))
    os.chmod(path, 0o644)  # node_exporter is not root, and nothing in it is secret
    return success


def _say(sentence):
    print(sentence, file=sys.stderr, flush=True)


def main(arguments):
    """Run as a program; exit code 1 where the half could not tell, so that systemd shows it."""
    half, config, path, patience = arguments
    return 0 if write(half, config, path, int(patience), _say) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
