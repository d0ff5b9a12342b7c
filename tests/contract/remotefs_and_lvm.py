# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller's code relies on in Cinder's drivers for shares and for LVM: how they name, copy and clone what they keep."""

from __future__ import annotations

import inspect

from engine_here import COLLECTION, ID, ours
from relied_on import begins_with, has, relied_on, takes

FIRST = COLLECTION + "engine"
FEATURES, LVM, PERSISTENCE, REMOTEFS, VOLUMES = (
    "plugins/controller/engine/%s.py" % name for name in ("features", "lvm", "persistence", "remotefs", "volumes")
)


@relied_on(REMOTEFS, PERSISTENCE)
def remotefs_works_on_files_by_these_names():
    """RemoteFS and Quobyte choose a share by _find_share before they make a file, mount and name files by these methods, and clone by a snapshot so named."""
    from cinder.volume.drivers import nfs, quobyte, remotefs

    for driver in (nfs.NfsDriver, quobyte.QuobyteDriver):
        has(driver, "_ensure_share_mounted", "_get_mount_point_for_share", "_find_share", "_get_new_snap_path", "_local_volume_dir", "_delete")
        takes(driver._qemu_img_info, "path", "volume_name")
        for method in (remotefs.RemoteFSDriver.create_volume, driver._create_volume_from_snapshot):
            source = inspect.getsource(inspect.unwrap(method))
            assert "volume.provider_location = self._find_share(volume)" in source, source
    base = remotefs.RemoteFSSnapDriverBase
    begins_with(base._local_path_volume_info, "volume")
    begins_with(base._write_info_file, "info_path", "snap_info")
    takes(base._read_info_file, "info_path", "empty_if_missing")
    begins_with(base._rebase_img, "image", "backing_file", "volume_format")
    clone = inspect.getsource(base._create_cloned_volume)
    assert "'display_name': 'tmp-snap-%s' % volume.id" in clone and "temp_snapshot.create()" in clone, clone
    commit = inspect.getsource(base._img_commit)
    assert commit.index("self._execute(*cmd") < commit.index("self._delete(path)"), commit


@relied_on(LVM)
def lvm_clones_by_a_snapshot_of_this_name():
    """Without a thin pool the driver copies a clone from the snapshot clone-snap-ID, and deletes it by what our code gives it."""
    import types

    from cinder.volume.drivers import lvm

    assert "'name': 'clone-snap-%s' % volume['id']" in inspect.getsource(lvm.LVMVolumeDriver.create_cloned_volume)
    deleted = []
    group = types.SimpleNamespace(get_volume=lambda name: {"name": name, "size": "2.00"} if name not in deleted else None, delete=deleted.append)
    driver = object.__new__(lvm.LVMVolumeDriver)
    driver.vg = group
    driver.configuration = types.SimpleNamespace(lvm_type="default", volume_clear="none")
    for _again in range(2):
        ours("lvm").delete_clone_snapshot(driver, types.SimpleNamespace(id=ID))
    assert deleted == ["clone-snap-" + ID], deleted
    driver.configuration.lvm_type, driver.vg = "thin", None
    ours("lvm").delete_clone_snapshot(driver, types.SimpleNamespace(id=ID))
    ours("lvm").delete_clone_snapshot(object(), types.SimpleNamespace(id=ID))


@relied_on(REMOTEFS, VOLUMES)
def remotefs_copies_files_and_an_option_says_in_which_format():
    """NFS' driver copies in remotefs, Quobyte's in its own module; driver_prefix with _qcow2_volumes names the option by which new files are qcow2."""
    from cinder.volume.drivers import nfs, quobyte

    for driver, place in ((nfs.NfsDriver, "remotefs"), (quobyte.QuobyteDriver, "quobyte")):
        assert driver.create_cloned_volume.__module__ == driver.create_volume_from_snapshot.__module__ == "cinder.volume.drivers." + place
        assert driver.driver_prefix + "_qcow2_volumes" in {option.name for option in driver.get_driver_options()}


@relied_on(FEATURES)
def remotefs_leaves_snapshots_of_attached_volumes_to_nova():
    """RemoteFS's _create_snapshot calls _create_snapshot_online for an attached volume, which asks Nova; NFS' and Quobyte's create_snapshot call it."""
    from cinder.volume.drivers import nfs, quobyte, rbd, remotefs

    base = remotefs.RemoteFSSnapDriverBase
    assert "_is_volume_attached" in inspect.getsource(base._create_snapshot) and "_create_snapshot_online" in inspect.getsource(base._create_snapshot)
    assert "self._nova.create_volume_snapshot" in inspect.getsource(base._create_snapshot_online)
    _able("snapshot", {nfs.NfsDriver: False, quobyte.QuobyteDriver: False, rbd.RBDDriver: True})


@relied_on(FEATURES)
def remotefs_clones_no_attached_volume():
    """RemoteFS's _create_cloned_volume, which NFS' and Quobyte's drivers call, begins by refusing a volume that is in use; PowerStore's own does not."""
    from cinder.volume.drivers import nfs, quobyte, rbd, remotefs
    from cinder.volume.drivers.dell_emc.powerstore import nfs as powerstore

    clone = inspect.getsource(remotefs.RemoteFSSnapDriverBase._create_cloned_volume)
    allowed, refusal = clone.index("acceptable_states = ['available', 'backing-up', 'downloading']"), clone.index("self._validate_state(src_vref.status")
    assert allowed < refusal < clone.index("temp_snapshot"), clone
    _able("clone", {nfs.NfsDriver: False, quobyte.QuobyteDriver: False, powerstore.PowerStoreNFSDriver: True, rbd.RBDDriver: True})


@relied_on(FEATURES)
def drivers_for_shares_say_in_extend_volume_that_they_extend_no_attached_volume():
    """Those of NFS, PowerStore and Quobyte begin by asking _is_volume_attached and raise; Virtuozzo's and NetApp's do not."""
    from cinder.volume.drivers import nfs, quobyte, rbd, vzstorage
    from cinder.volume.drivers.dell_emc.powerstore import nfs as powerstore
    from cinder.volume.drivers.netapp.dataontap import nfs_cmode

    _able("extend", dict.fromkeys((nfs.NfsDriver, quobyte.QuobyteDriver, powerstore.PowerStoreNFSDriver), False))
    _able("extend", dict.fromkeys((vzstorage.VZStorageDriver, nfs_cmode.NetAppCmodeNfsDriver, rbd.RBDDriver), True))


def _able(what, expected):
    told = {driver: ours("features").able_while_attached(driver, what) for driver in expected}
    assert told == expected, told
