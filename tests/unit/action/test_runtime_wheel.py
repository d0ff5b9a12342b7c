# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wheel of the collection's own code."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zipfile

import yaml
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import runtime_wheel

SOURCES = {"ansible_collections/baremetal/legacy_storage/plugins/host/verbs.py": b"x = 1\n"}


def test_the_version_is_the_collections(collection_root):
    galaxy = yaml.safe_load((collection_root / "galaxy.yml").read_text(encoding="utf-8"))
    assert runtime_wheel.VERSION == galaxy["version"]


def test_the_same_sources_give_the_same_bytes_whatever_their_order_and_times():
    more = dict(SOURCES, **{"ansible_collections/baremetal/legacy_storage/plugins/a.py": b""})
    assert runtime_wheel.build(more, "M") == runtime_wheel.build(dict(reversed(list(more.items()))), "M")


def test_the_checksum_tells_contents_and_names_apart():
    changed = {path: b"x = 2\n" for path in SOURCES}
    renamed = {"other": b"x = 1\n"}
    assert len({runtime_wheel.checksum(sources) for sources in (SOURCES, changed, renamed)}) == 3


def test_every_file_is_recorded_with_its_right_hash_and_size():
    archive = zipfile.ZipFile(io.BytesIO(runtime_wheel.build(SOURCES, "MARKER")))
    info = "baremetal_legacy_storage-%s.dist-info/" % runtime_wheel.VERSION
    lines = archive.read(info + "RECORD").decode("utf-8").splitlines()
    assert sorted(line.partition(",")[0] for line in lines) == sorted(archive.namelist())
    for line in lines:
        path, digest, size = line.split(",")
        if path.endswith("/RECORD"):
            assert (digest, size) == ("", "")
            continue
        data = archive.read(path)
        expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode("ascii").rstrip("=")
        assert (digest, size) == ("sha256=" + expected, str(len(data)))
    assert archive.read(info + "MARKER").decode("ascii").strip() == runtime_wheel.checksum(SOURCES)


def test_what_is_read_is_code_and_data_but_no_leftovers(tmp_path):
    for path in ("host/a.py", "controller/deep/data.mako", "host/__pycache__/a.pyc", "host/b.pyc", "host/.c.py.swp", "modules/m.py", "action/x.py"):
        os.makedirs(tmp_path / os.path.dirname(path), exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    prefix = "ansible_collections/baremetal/legacy_storage/plugins/"
    assert set(runtime_wheel.read_sources(str(tmp_path))) == {prefix + "host/a.py", prefix + "controller/deep/data.mako"}


def test_the_collections_own_halves_are_in_it(collection_root):
    names = {path.rpartition("plugins/")[2] for path in runtime_wheel.read_sources(str(collection_root / "plugins"))}
    assert {"module_utils/worker/serve.py", "secrets/sealing.py", "host/verbs.py", "controller/verbs.py"} <= names
    assert not any(name.startswith(("modules/", "action/", "plugin_utils/")) for name in names)
