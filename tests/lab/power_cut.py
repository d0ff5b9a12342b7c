# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that loses its power while a file system on a volume is written to."""

from __future__ import annotations

# Appends numbers to a file, each of them on the disk before it tells so on the console's side of the network: what it told must be there afterwards.
WRITER = "i=0; while :; do i=$((i+1)); echo $i >> /data/numbers && sync /data/numbers && echo $i > /dev/shm/last; done"
FSTAB = "%s /data ext4 _netdev,nofail,x-systemd.device-timeout=5min 0 2"


def survive(lab, host, path):
    """Put a file system on a volume, cut the power while it is written to, and look whether it is mounted again with all that was synced."""
    lab.sh(host, "mkfs.ext4 -q -F %s && mkdir -p /data && echo '%s' >> /etc/fstab && sync && systemctl daemon-reload && mount /data" % (path, FSTAB % path))
    try:
        lab.sh(host, "systemd-run --unit=writer sh -c '%s'; sleep 3" % WRITER)
        synced = int(lab.sh(host, "cat /dev/shm/last"))
        assert synced > 10
        lab.cut_and_boot(host)
        assert lab.wait(host, "findmnt -no SOURCE /data", 120)
        numbers = lab.sh(host, "cat /data/numbers").split()
        assert numbers[:synced] == [str(number) for number in range(1, synced + 1)]
        assert "is connected again" in lab.sh(host, "journalctl -b -u legacy-storage-attachments -o cat --no-pager")
    finally:
        lab.sh(host, "umount /data; sed -i '/legacy-storage-/d' /etc/fstab; sync; systemctl daemon-reload")
