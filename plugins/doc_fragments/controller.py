# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation shared by the modules of the controller half."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes of every module that runs on a controller."""

    DOCUMENTATION = r"""
options:
  controller_config:
    description:
      - Settings file that the role P(baremetal.legacy_storage.controller#role) wrote on the controller.
    type: path
    default: /etc/baremetal.legacy_storage/controller.json
requirements:
  - The role P(baremetal.legacy_storage.controller#role) was applied to the host the task runs on.
  - Rights to read O(controller_config), as a rule C(become=true).
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns what changes, before and after.
    support: full
  platform:
    description: Platform of the host the task runs on.
    support: full
    platforms: posix
  action_group:
    description: Use C(group/baremetal.legacy_storage.legacy_storage) in C(module_defaults) to set defaults for it.
    support: full
    membership: [baremetal.legacy_storage.legacy_storage]
"""
