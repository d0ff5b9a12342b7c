# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend with a volume and what hangs on it, each with about everything that it can hold."""

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, GroupSnapshot, Snapshot, Source, Volume

BACKEND = Backend("one", "d.D", {"san_ip": "192.0.2.1", "port": 3260}, {"san_password": "canary-option"}, ("p1", "p2"), 7)
VOLUME = Volume(
    "6229f862-a401-5616-bf1c-8011d75b8844",
    "one",
    "dätä",
    10,
    "available",
    "a text",
    {"a": "b"},
    {"multiattach": "<is> True"},
    {"iops": "100"},
    "p1",
    Source("snapshot", "s-id", "gold"),
)
SNAPSHOT = Snapshot("68ed82ce-05ee-5336-8f3a-1a6939d4d1e6", "one", "nightly", VOLUME.id, VOLUME.name, 9, "available", "text", {"a": "b"})
GROUP_SNAPSHOT = GroupSnapshot(
    "0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e",
    "one",
    "night",
    "5f4d5ed4-4d34-5a34-9dfd-2a1f3a0a3c11",
    members=(
        Snapshot(
            "3a0b9f2c-9c52-5d0e-8d0c-5a1f5c2e7b90",
            "one",
            "night-dätä",
            VOLUME.id,
            VOLUME.name,
            10,
            group_snapshot_id="0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e",
            group_snapshot="night",
        ),
    ),
)
CONNECTION = {"driver_volume_type": "iscsi", "data": {"auth_password": "canary-chap"}}
