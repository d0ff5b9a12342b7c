# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume types as drivers expect them: Cinder's objects for the extra specs and QoS that a volume should get."""

from __future__ import annotations

import uuid

from cinder import objects as cinder_objects
from cinderlib import objects


def typed_like(volume, extra_specs, qos_specs):
    """Return a cinderlib volume whose type has these specs and an id of its own, so that it can stand beside the type of ``volume``."""
    model = objects.Volume(
        volume.backend,
        id=str(uuid.uuid4()),
        host=volume._ovo.host,
        size=volume._ovo.size,
        extra_specs=dict(extra_specs),
        qos_specs=dict(qos_specs),
    )
    if not extra_specs and not qos_specs:  # cinderlib gives such a volume no type at all
        model._ovo.volume_type = cinder_objects.VolumeType(
            context=objects.Object.CONTEXT, is_public=True, id=model.id, name=model.id, qos_specs_id=None, extra_specs={}, qos_specs=None
        )
        model._ovo.volume_type_id = model.id
    return model


def difference(record, extra_specs, qos_specs):
    """Return what changes between a Volume's specs and the given ones, as Cinder tells drivers: every key with its old and new value."""
    pairs = {
        "extra_specs": (record.extra_specs, extra_specs),
        "qos_specs": (_with_consumer(record.qos_specs), _with_consumer(qos_specs)),
    }
    found = {name: {key: (old.get(key), new.get(key)) for key in {**old, **new}} for name, (old, new) in pairs.items()}
    return dict(found, encryption={})


def _with_consumer(qos_specs):
    return dict(qos_specs, consumer="back-end") if qos_specs else {}
