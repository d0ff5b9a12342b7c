# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cinder's RBD driver (cinder 28 and 29) lacks for replication, as two clusters of Ceph 16 showed.

- It mirrors by journal only, which the kernel's rbd cannot open, so no node could attach a replicated volume. ``mirroring_mode: snapshot`` in a
  replication_device lets Ceph mirror by snapshots instead.
- Ending replication always failed once Ceph had taken the journal away by itself, with the mirroring ended already.
- It takes any failure of a demotion, as an operation that a busy cluster takes more than five seconds for, for the cluster's death: it demotes nothing
  more and promotes by force, without what was written last, and with split images that an administrator has to resynchronise.
- It promotes before a demotion has arrived, which Ceph refuses. And it takes for a failure that an image is demoted or promoted already: asked again
  after a run that was killed, it called volumes lost that were not, and promoted others by force that were to be demoted first.
- It fails back to a first cluster that was lost and whose images were not resynchronised, which leaves each volume without an image in charge or
  with an old one.
- Served from a target, it hands nodes the key of the first cluster.
- It takes the snapshots that rbd-mirror makes for itself for somebody's.
"""

from __future__ import annotations

import functools
import json
import os
import time

from cinder import exception
from cinder.objects import fields

from ...module_utils.model.replication import PRIMARY

_JOURNAL, SNAPSHOT = "journal", "snapshot"
_ARRIVAL = 300  # seconds for the demotions of one fail over; with mirroring by snapshots, what was written last is copied meanwhile
_BUSY = 60  # seconds in which one fail over repeats demotions that fail on a cluster that can be reached
_LOOK_AGAIN = 2
_OF_RBD_MIRROR = (".mirror.", ".rbd-mirror.")  # how their names begin


def mend(driver):
    """Change a driver that was just made, if it is Cinder's RBD driver or one that stands on it."""
    if not any(cls.__module__ == "cinder.volume.drivers.rbd" for cls in type(driver).__mro__):
        return
    for name, replacement in (
        ("do_setup", _do_setup),
        ("_enable_replication", _enable_replication),
        ("_disable_replication", _disable_replication),
        ("_demote_volumes", _demote_volumes),
        ("_exec_on_volume", _exec_on_volume),
        ("failover_host", _failover_host),
        ("get_manageable_snapshots", _get_manageable_snapshots),
    ):
        setattr(driver, name, functools.partial(replacement, driver, getattr(driver, name)))


def _image(driver, volume):
    from cinder.volume.drivers import rbd  # only where it is used: whoever has no Ceph need not import its driver

    return rbd.RBDVolumeProxy(driver, volume.name)


def _do_setup(driver, original, context):
    devices = driver.configuration.safe_get("replication_device") or ()
    modes = {device.get("mirroring_mode", _JOURNAL) for device in devices}
    if len(modes) > 1 or not modes <= {_JOURNAL, SNAPSHOT}:
        raise exception.InvalidInput(reason="replication_device: mirroring_mode must be journal or snapshot, the same for all targets")
    driver.mirrors_by_snapshot = SNAPSHOT in modes
    original(context)
    if driver.keyring_data and any(device["backend_id"] == driver._active_backend_id for device in devices):
        _take_key(driver)


def _take_key(driver):
    """Hand nodes the key that the controller itself uses for the target. Where it needs no file for that, both clusters have the same."""
    name, conf, user, _secret = driver._get_config_tuple()
    client = driver.rados.Rados(rados_id=user, clustername=name, conffile=conf)
    try:
        paths = (client.conf_get("keyring") or "").replace(";", ",").split(",")
    finally:
        client.shutdown()
    for path in map(str.strip, paths):
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as stream:
                driver.keyring_file, driver.keyring_data = path, stream.read()
            return


def _get_manageable_snapshots(_driver, original, *arguments, **keywords):
    return [item for item in original(*arguments, **keywords) if not item["reference"]["source-name"].startswith(_OF_RBD_MIRROR)]


def _enable_replication(driver, original, volume):
    if not driver.mirrors_by_snapshot:
        return original(volume)
    with _image(driver, volume) as image:
        image.mirror_image_enable(driver.rbd.RBD_MIRROR_IMAGE_MODE_SNAPSHOT)
    kept = {"had_journaling": True, "had_exclusive_lock": True}  # nothing to take away when it ends
    return {"replication_status": fields.ReplicationStatus.ENABLED, "replication_driver_data": driver._dumps(kept)}


def _disable_replication(driver, _original, volume):
    before = json.loads(volume.replication_driver_data or "{}")
    with _image(driver, volume) as image:
        if image.mirror_image_get_info()["state"] != driver.rbd.RBD_MIRROR_IMAGE_DISABLED:
            image.mirror_image_disable(False)
        for had, feature in (("had_journaling", driver.RBD_FEATURE_JOURNALING), ("had_exclusive_lock", driver.RBD_FEATURE_EXCLUSIVE_LOCK)):
            if not before.get(had, True) and image.features() & feature:
                image.update_features(feature, False)
    return {"replication_status": fields.ReplicationStatus.DISABLED, "replication_driver_data": None}


def _failover_host(driver, original, context, volumes, secondary_id=None, groups=None):
    if secondary_id == PRIMARY:
        _refuse_early(driver, volumes)
    return original(context, volumes, secondary_id=secondary_id, groups=groups)


def _refuse_early(driver, volumes):
    """Refuse a fail back, with nothing done yet, to a cluster that does not answer or has not got what was written at the target."""
    first = driver._get_target_config(PRIMARY)
    early = []
    for volume in volumes:
        try:
            if _is_primary(driver, volume.name, first) and _is_primary(driver, volume.name, driver._active_config):
                early.append(volume.name)
        except driver.rbd.ImageNotFound:
            early.append(volume.name)
        except exception.VolumeBackendAPIException as error:
            if _answers(driver, first):
                return  # it is the target that is dead: what the first cluster has is all there is
            raise exception.InvalidReplicationTarget(reason="the first cluster does not answer, nothing was done") from error
    if early:
        raise exception.InvalidReplicationTarget(
            reason="nothing was done: the first cluster has no copy of what was written at the target. Let it take one, 'rbd mirror image demote' and "
            "'rbd mirror image resync' there for each image, and wait until they are replayed: %s" % ", ".join(early)
        )


def _answers(driver, cluster):
    try:
        driver._disconnect_from_rados(*driver._connect_to_rados(None, cluster, driver.configuration.replication_connect_timeout))
    except exception.VolumeBackendAPIException:
        return False
    return True


def _is_primary(driver, name, cluster):
    return driver._exec_on_volume(name, cluster, "mirror_image_get_info")["primary"]


def _demote_volumes(driver, _original, volumes, until_failure=True):
    """Return for each volume whether the cluster in charge has given it up; of one that cannot be reached none is asked, and what is not given up is forced."""
    patient_until, reached, demoted = time.monotonic() + _BUSY, True, []
    for volume in volumes:
        demoted.append(False)
        while reached and not demoted[-1]:
            try:
                driver._exec_on_volume(volume.name, driver._active_config, "mirror_image_demote")
                demoted[-1] = True
            except exception.VolumeBackendAPIException:  # it did not connect, three times
                reached = not until_failure
                break
            except Exception:  # librbd's own: the image was busy, or a part of it slower than replication_connect_timeout
                if time.monotonic() > patient_until:
                    break
                time.sleep(_LOOK_AGAIN)
    return demoted


def _exec_on_volume(driver, original, name, remote, operation, *arguments, **keywords):
    if operation == "mirror_image_demote" and not original(name, remote, "mirror_image_get_info")["primary"]:
        return None
    if operation != "mirror_image_promote":
        return original(name, remote, operation, *arguments, **keywords)
    if not hasattr(driver, "_arrived_by"):
        driver._arrived_by = time.monotonic() + _ARRIVAL
    while True:
        if original(name, remote, "mirror_image_get_info")["primary"]:
            return None
        try:
            return original(name, remote, operation, *arguments, **keywords)
        except (driver.rbd.ImageBusy, driver.rbd.ReadOnlyImage, driver.rbd.InvalidArgument) as error:
            # rbd-mirror is at work on the image, or the demotion has not arrived yet
            forced = arguments and arguments[0]
            if forced and isinstance(error, driver.rbd.InvalidArgument) or time.monotonic() > driver._arrived_by:
                raise
        time.sleep(_LOOK_AGAIN)
