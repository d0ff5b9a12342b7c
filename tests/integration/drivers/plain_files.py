# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A driver that lacks what Cinder's NFS driver lacks: it changes no specs in place, and has no method that lets a snapshot go."""

from __future__ import annotations

from cinder import interface
from sparse_files import SparseFileDriver


class _Missing:
    """Hides a method of the parent."""

    def __get__(self, instance, owner):
        raise AttributeError("this driver has no such method")


@interface.volumedriver
class PlainFileDriver(SparseFileDriver):
    """Volumes as sparse files."""

    unmanage_snapshot = _Missing()

    def retype(self, context, volume, new_type, diff, host):
        """Decline, as Cinder's base class does."""
        return False, None
