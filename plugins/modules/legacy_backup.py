#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backup
short_description: Back volumes up to a repository, and restore them
description:
  - Copies a volume's content to a restic repository in a directory or an object store, encrypted; and replaces a volume's content by a backup.
  - Each backup is a full one, which needs no other to be restored, and incremental in what it stores and sends. Areas that the repository holds
    already, of this volume or of any other, are not stored again.
  - The checksum of the content is kept with the backup. A restored volume is read back and compared with it before it counts.
  - What a backup is of stands in the repository itself, so M(baremetal.legacy_storage.legacy_backup_info) finds it also from a controller that has lost
    its store.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied, and uses the program restic there.
  - Tasks that name the volume wait while it is copied, and after a while answer that it is busy.
options:
  repository:
    description: The repository, as registered with M(baremetal.legacy_storage.legacy_backup_repository).
    type: str
  name:
    description: Name of the backup, unique in its repository.
    type: str
  backend:
    description:
      - Backend of the volume. Required unless O(state=absent).
    type: str
  volume:
    description:
      - The volume to back up, by name or id. While it is attached, the backup is made from a snapshot that is taken for it and deleted afterwards.
        It then holds what a host would find after a power cut.
      - With O(state=restored) the volume whose whole content is replaced. It must be detached, and not smaller than the backed-up one.
    type: str
  snapshot:
    description: The snapshot to back up, by name or id, instead of a volume as it is now.
    type: str
  description:
    description: Free text, kept in the backup. It does not change afterwards.
    type: str
  verify:
    description:
      - Read a new backup back from the repository and compare its checksum before it counts. Takes as long again as restoring would.
    type: bool
    default: false
  keep:
    description:
      - How many backups of the same volume in this repository to keep. All others are deleted, and listed in RV(operations).
      - Counted as C(restic forget) counts. Of each hour, day, week, month or year in which there are backups the newest is kept, for so many of them.
        What one rule keeps, no other deletes. The backup that the task names is always kept.
      - One that another task is restoring at that moment, to any volume, is left with a warning; the next task deletes it.
      - One of an earlier volume, that was deleted before this one was made under its name, is never deleted by it, nor is one that does not tell
        (made by the first releases). A warning lists them.
    type: dict
    suboptions:
      last:
        description: The newest so many.
        type: int
      hourly:
        description: One of each of the last so many hours that have any.
        type: int
      daily:
        description: One of each of the last so many days that have any.
        type: int
      weekly:
        description: One of each of the last so many weeks that have any.
        type: int
      monthly:
        description: One of each of the last so many months that have any.
        type: int
      yearly:
        description: One of each of the last so many years that have any.
        type: int
  prune:
    description:
      - Free the space of what is deleted. It reads much of a large repository and nobody else can write to it meanwhile.
        With V(false) the space is freed by the next deletion that prunes.
    type: bool
    default: true
  force:
    description:
      - V(restored) replaces the content also of a volume to which this very backup was restored last. What was written to it since is lost.
    type: list
    elements: str
    choices: [restored]
    default: []
  state:
    description:
      - V(present) makes the backup unless there is one of that name. V(absent) deletes it.
      - V(restored) replaces the content of O(volume) by the backup. Done once, it is not done again without O(force), so a play that runs twice does not
        take away what was written in between. Data of the volume beyond the size of the backup stay as they are.
      - For a new volume from a backup, use O(baremetal.legacy_storage.legacy_volume#module:source_backup).
    type: str
    choices: [present, absent, restored]
    default: present
  backups:
    description:
      - Several backups. Each item takes the same parameters as a single one. O(repository) and O(backend) given beside the list are the
        defaults for its items.
    type: list
    elements: dict
    suboptions:
      repository:
        description: The repository, as registered with M(baremetal.legacy_storage.legacy_backup_repository).
        type: str
      name:
        description: Name of the backup, unique in its repository.
        type: str
      backend:
        description:
          - Backend of the volume. Required unless O(state=absent).
        type: str
      volume:
        description:
          - The volume to back up, by name or id. While it is attached, the backup is made from a snapshot that is taken for it and deleted afterwards.
            It then holds what a host would find after a power cut.
          - With O(state=restored) the volume whose whole content is replaced. It must be detached, and not smaller than the backed-up one.
        type: str
      snapshot:
        description: The snapshot to back up, by name or id, instead of a volume as it is now.
        type: str
      description:
        description: Free text, kept in the backup. It does not change afterwards.
        type: str
      verify:
        description:
          - Read a new backup back from the repository and compare its checksum before it counts. Takes as long again as restoring would.
        type: bool
        default: false
      keep:
        description:
          - How many backups of the same volume in this repository to keep. All others are deleted, and listed in RV(backups[].operations).
          - Counted as C(restic forget) counts. Of each hour, day, week, month or year in which there are backups the newest is kept, for so many of them.
            What one rule keeps, no other deletes. The backup that the task names is always kept.
          - One that another task is restoring at that moment, to any volume, is left with a warning; the next task deletes it.
          - One of an earlier volume, that was deleted before this one was made under its name, is never deleted by it, nor is one that does not tell
            (made by the first releases). A warning lists them.
        type: dict
        suboptions:
          last:
            description: The newest so many.
            type: int
          hourly:
            description: One of each of the last so many hours that have any.
            type: int
          daily:
            description: One of each of the last so many days that have any.
            type: int
          weekly:
            description: One of each of the last so many weeks that have any.
            type: int
          monthly:
            description: One of each of the last so many months that have any.
            type: int
          yearly:
            description: One of each of the last so many years that have any.
            type: int
      prune:
        description:
          - Free the space of what is deleted. It reads much of a large repository and nobody else can write to it meanwhile.
            With V(false) the space is freed by the next deletion that prunes.
        type: bool
        default: true
      force:
        description:
          - V(restored) replaces the content also of a volume to which this very backup was restored last. What was written to it since is lost.
        type: list
        elements: str
        choices: [restored]
        default: []
      state:
        description:
          - V(present) makes the backup unless there is one of that name. V(absent) deletes it.
          - V(restored) replaces the content of O(volume) by the backup. Done once, it is not done again without O(force), so a play that runs twice does not
            take away what was written in between. Data of the volume beyond the size of the backup stay as they are.
          - For a new volume from a backup, use O(baremetal.legacy_storage.legacy_volume#module:source_backup).
        type: str
        choices: [present, absent, restored]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: A backup a day, of the last week and the last three months
  baremetal.legacy_storage.legacy_backup:
    repository: offsite
    name: "data-{{ now(utc=true).strftime('%Y-%m-%d') }}"
    backend: lvm
    volume: data
    keep:
      daily: 7
      monthly: 3

- name: Put it back as it was on that day
  baremetal.legacy_storage.legacy_backup:
    repository: offsite
    name: data-2026-11-20
    backend: lvm
    volume: data
    state: restored

- name: A new volume of it, to look what was in it
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data-as-it-was
    source_repository: offsite
    source_backup: data-2026-11-20

- name: Delete two
  baremetal.legacy_storage.legacy_backup:
    repository: offsite
    backups:
      - name: data-2026-11-19
        state: absent
      - name: data-2026-11-20
        state: absent
"""

RETURN = r"""
backups:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name the item was asked for by.
      returned: always
      type: str
      sample: data-monday
    changed:
      description: Whether this item changed.
      returned: always
      type: bool
      sample: true
    operations:
      description: What was done, or in check mode would be done, in order.
      returned: always
      type: list
      elements: dict
      sample:
        - action: create
          noun: backup
          repository: offsite
          name: data-monday
          volume_name: data
    backup:
      description: >-
        The backup, and the volume as it was when it was made. C(bytes) were read, C(bytes_added) is what the repository
        grew by. What only a run finds out is null in check mode. Null when there is no such backup.
      returned: when O(state) is not V(restored)
      type: dict
      sample:
        repository: offsite
        name: data-monday
        id: 8ff3a509-a1f4-4810-8b1d-fe791c1431a8
        volume:
          id: 6229f862-a401-5616-bf1c-8011d75b8844
          backend: lvm
          name: data
          size: 10
          description: ''
          metadata: {}
          extra_specs: {}
          qos_specs: {}
          created_at: '2026-10-02T11:04:17.204411Z'
        snapshot: null
        description: ''
        bytes: 10737418240
        bytes_added: 4331549
        sha256: 1fd491c93646827238c427f2fe4650e2f7648f8445f30c9d11e1696a09101020
        created_at: '2026-11-20T09:30:00Z'
    volume:
      description: The volume whose content was replaced; size in GiB.
      returned: when O(state=restored)
      type: dict
      sample:
        id: 6229f862-a401-5616-bf1c-8011d75b8844
        backend: lvm
        name: data
        size: 10
        status: available
        description: ''
        metadata: {}
        extra_specs: {}
        qos_specs: {}
        pool: lvm
        source: null
        attached_to: []
        restored:
          repository: offsite
          name: data-monday
          id: 8ff3a509-a1f4-4810-8b1d-fe791c1431a8
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "volume: volume 'data' is attached to node1. Detach it first; ..."
backup:
  description: >-
    The backup, and the volume as it was when it was made. C(bytes) were read, C(bytes_added) is what the repository
    grew by. What only a run finds out is null in check mode. Null when there is no such backup.
  returned: when one backup was asked for by its own parameters and O(state) is not V(restored)
  type: dict
  sample:
    repository: offsite
    name: data-monday
    id: 8ff3a509-a1f4-4810-8b1d-fe791c1431a8
    volume:
      id: 6229f862-a401-5616-bf1c-8011d75b8844
      backend: lvm
      name: data
      size: 10
      description: ''
      metadata: {}
      extra_specs: {}
      qos_specs: {}
      created_at: '2026-10-02T11:04:17.204411Z'
    snapshot: null
    description: ''
    bytes: 10737418240
    bytes_added: 4331549
    sha256: 1fd491c93646827238c427f2fe4650e2f7648f8445f30c9d11e1696a09101020
    created_at: '2026-11-20T09:30:00Z'
volume:
  description: The volume whose content was replaced; size in GiB.
  returned: when one backup was asked for by its own parameters and O(state=restored)
  type: dict
  sample:
    id: 6229f862-a401-5616-bf1c-8011d75b8844
    backend: lvm
    name: data
    size: 10
    status: available
    description: ''
    metadata: {}
    extra_specs: {}
    qos_specs: {}
    pool: lvm
    source: null
    attached_to: []
    restored:
      repository: offsite
      name: data-monday
      id: 8ff3a509-a1f4-4810-8b1d-fe791c1431a8
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one backup was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: create
      noun: backup
      repository: offsite
      name: data-monday
      volume_name: data
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: in_use
    parameter: volume
    message: 'volume: volume ''data'' is attached to node1. ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

KEEP = dict(
    last=dict(type="int"),
    hourly=dict(type="int"),
    daily=dict(type="int"),
    weekly=dict(type="int"),
    monthly=dict(type="int"),
    yearly=dict(type="int"),
)
ITEM = dict(
    repository=dict(type="str"),
    name=dict(type="str"),
    backend=dict(type="str"),
    volume=dict(type="str"),
    snapshot=dict(type="str"),
    description=dict(type="str"),
    verify=dict(type="bool", default=False),
    keep=dict(type="dict", options=KEEP),
    prune=dict(type="bool", default=True),
    force=dict(type="list", elements="str", choices=["restored"], default=[]),
    state=dict(type="str", choices=["present", "absent", "restored"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "backups"))
    run_on_items(module, "backup.ensure", "backups", ITEM, shared=["repository", "backend"])


if __name__ == "__main__":
    main()
