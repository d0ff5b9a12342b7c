# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's engine in a check's own process: its modules, cinderlib as it sets it up, and a backend and a volume there."""

from __future__ import annotations

import importlib
import os
import tempfile

COLLECTION = "ansible_collections.baremetal.legacy_storage.plugins.controller.engine."
ID = "11111111-2222-3333-4444-555555555555"


def ours(name):
    return importlib.import_module(COLLECTION + name)


def set_up(setup=None, **settings):
    """Set cinderlib up as the engine does, with its store in memory; return it."""
    import cinderlib

    folder = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
    (setup or ours("compat").setup)(
        file_locks_path=folder,
        host="here",
        fail_on_missing_backend=False,
        disable_logs=True,
        state_path=folder,
        image_conversion_dir=folder,
        **settings,
    )
    return cinderlib


def _backend(cinderlib, name="one"):
    return cinderlib.Backend(
        volume_backend_name=name,
        volume_driver="sparse_files.SparseFileDriver",
        sparse_files_dir=tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]),
    )


def _volume(cinderlib, **fields):
    """Return a volume made as the persistence makes it, known to cinderlib's store."""
    _backend(cinderlib)
    volume = cinderlib.objects.Volume("one", id=ID, name="v", size=1, host="here@one#pool", status="available", **fields)
    cinderlib.Backend.persistence.set_volume(volume)
    return volume
