# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the store says of itself, kept beside the drivers' own keys under names that no driver sees."""

from __future__ import annotations

PREFIX = "baremetal.legacy_storage/"
KEY_CHECK = "key-check"  # a token that only the right key opens
NAMESPACE = "namespace"  # ids are derived from it; stores that are older than this mark have none
FORMER = "former-namespaces"  # JSON list of those of the stores whose export was imported here, and of what that replaced: the latest first
MOVED_TO = "moved-to"  # the URL, without a password, of the database that took this one's place
LAST_EXPORT = "last-exported-at"  # the time of the latest export: none ever has an earlier one, whatever the clock says
