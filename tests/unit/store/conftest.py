# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The databases that the store's tests run on."""

from __future__ import annotations

import pytest


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def fixture_url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return "sqlite:///%s" % (tmp_path / "store.sqlite")
    server = request.getfixturevalue("postgresql")
    return server.url(server.make_database())
