#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_volume
short_description: Manage volumes on a storage system with a Cinder driver
description:
  - Creates volumes, empty, as clones, from snapshots, images or backups; extends and renames them, changes their metadata,
    extra specs and QoS, reverts them to a snapshot, and deletes them.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
  - Never shrinks a volume, and never deletes one that is attached or has snapshots unless O(force) says so.
  - A run that was killed is settled by the next task that names the same volume.
options:
  backend:
    description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
    type: str
  name:
    description:
      - Name of the volume, unique on its backend. An existing volume may also be named by its id.
    type: str
  size:
    description:
      - Size in GiB when bare, or with a unit, such as V(10), V(10GiB), V(10 G) or V(1TiB). Units are powers of 1024.
      - A larger size extends an existing volume, where its driver can also while it is attached. A smaller one is refused.
      - Required to create an empty volume. With a source it defaults to the source's size, of an image rounded up to whole GiB.
    type: str
  renamed_from:
    description:
      - The name (or id) that the volume had before. Where that exists and O(name) does not, it is renamed; where only O(name) exists, it was already.
      - Refused where both exist, unless what is called O(name) was made under the old name, and where neither does. Nothing is created then.
      - Exports, snapshots and copies of the volume follow, and its id stays. A node shows the old name until the volume is attached anew.
    type: str
  source_volume:
    description:
      - Create the volume as a clone of this volume (name or id) of the same backend.
      - On an existing volume it must be what the volume was made from.
    type: str
  source_snapshot:
    description:
      - Create the volume from this snapshot (name or id) of the same backend.
      - On an existing volume it must be what the volume was made from.
    type: str
  source_image:
    description:
      - Create the volume from an image - the absolute path of a file on the controller, or an C(http) or C(https) URL that the controller downloads.
      - The formats C(raw), C(qcow2), C(vmdk), C(vhdx), C(vhd) and C(vdi) are told apart by their content. An image that refers to other files,
        as a qcow2 with a backing file does, is refused.
      - What was written to the volume is read back and compared before the volume counts as made. A run that fails or is killed leaves no volume.
      - On an existing volume it must be what the volume was made from. The image itself is then not looked at and need not exist any more.
    type: str
  image_checksum:
    description:
      - What the image file must be, as C(algorithm:digest), such as V(sha256:4ef6...). The algorithms are C(sha256), C(sha384) and C(sha512).
      - In place of the digest may stand the URL or path of a list of checksums, such as V(sha256:https://example.com/images/SHA256SUMS).
      - Not given, an image that M(baremetal.legacy_storage.legacy_image) made must be what was recorded beside it.
      - An existing volume whose recorded checksum is another one is refused.
    type: str
  image_format:
    description:
      - What the image must be. V(raw) takes the file byte by byte, whatever is in it.
      - Not given, the content tells.
    type: str
    choices: [raw, qcow2, vmdk, vhdx, vdi, vhd]
  image_url_username:
    description: User name for O(source_image) on a server that asks for one (HTTP basic authentication).
    type: str
  image_url_password:
    description: Password for O(image_url_username). It is kept nowhere.
    type: str
  source_backup:
    description:
      - Create the volume from this backup, and read it back before it counts. It may be of a volume of another backend.
      - On an existing volume it must be what the volume was made from.
    type: str
  source_repository:
    description: Repository of O(source_backup), as registered with M(baremetal.legacy_storage.legacy_backup_repository).
    type: str
  description:
    description: Free text.
    type: str
  metadata:
    description: All of the volume's metadata, texts by name. What is not listed is removed. Not given, it stays as it is.
    type: dict
  extra_specs:
    description:
      - All extra specs of the volume, as the Cinder driver documents them for volume types. Not given, they stay as they are.
      - A new volume has those that are given and no others, also when it is a copy of one that has some. The same holds for O(qos_specs).
      - On an existing volume the driver changes them where the volume lies (retype). Where it cannot, O(migration_policy=on-demand) lets
        the volume migrate. A driver that changes none at all is refused in check mode as well; one that says no to these alone says so in a run.
      - "For several hosts at once, where the backend offers it: C(multiattach: '<is> True')."
      - "For a copy on another storage system, where the backend has a C(replication_device): C(replication_enabled: '<is> True').
        C(replication_status) of the volume tells how it is. See M(baremetal.legacy_storage.legacy_backend_failover)."
    type: dict
  qos_specs:
    description: All back-end QoS specs, as the Cinder driver documents them. Changed as O(extra_specs) are. Not given, they stay as they are.
    type: dict
  pool:
    description:
      - Pool of the backend to create the volume in.
      - The storage system is asked for its pools, also in check mode, before one is refused that it did not have when it was asked last.
      - By default the first of the pools that it had when the backend was registered, as long as it has that one. A run looks, check mode does not.
      - An existing volume in another pool moves only where O(migration_policy=on-demand) lets it.
    type: str
  migrate_to:
    description:
      - Another backend that the volume should be on, of whatever kind. Its data is copied by the controller and compared byte by byte,
        and only then deleted where it was. Id, name, metadata, description and time of creation stay.
      - Works on a volume that is not attached and has no snapshots. Where the volume is on that backend already, nothing is done.
      - O(size), O(extra_specs) and the like hold for the volume there; not given, they stay as they are.
      - A task that was killed is settled by the next one that names the volume. Until both copies were found equal it is undone,
        from then on it is finished.
    type: dict
    suboptions:
      backend:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
        type: str
        required: true
      pool:
        description: Pool of that backend, found and chosen as O(pool) is.
        type: str
  migration_policy:
    description:
      - Whether the volume may be migrated for what cannot be changed where it is, such as its O(pool).
      - V(on-demand) lets the driver move it, or where it cannot, the controller copy it, with the rules of O(migrate_to).
    type: str
    choices: [never, on-demand]
    default: never
  revert_to:
    description:
      - The snapshot (name or id) whose content the volume should hold. Everything that was written since it was taken is B(lost).
      - Nothing is done where the volume was reverted to it before and was not handed to a host since; C(reverted_to) of the volume tells.
        Once a host may have written, the task reverts again.
      - Refused unless it is the volume's latest snapshot, the volume is detached, and it has still the size of that time.
      - Done by the storage system itself where its driver can. Else the controller copies the snapshot over the volume and compares the two.
    type: str
  adopt:
    description:
      - Make a volume that the storage system has already a managed one, under O(name). Its data stays; the driver may rename it there.
      - What the driver knows it by, such as C(source-name) or C(source-id), as its documentation says and as
        M(baremetal.legacy_storage.legacy_backend_info) with O(baremetal.legacy_storage.legacy_backend_info#module:candidates=true) lists it.
      - The storage system is asked for its size, also in check mode. A larger O(size) extends it afterwards.
      - Make sure that nobody else uses or manages the volume. On a managed volume it must be what that was adopted from.
      - What a volume was adopted from may be adopted again once the volume has migrated to another backend.
    type: dict
  force:
    description:
      - What O(state=absent) may override.
      - V(attached) unmaps the volume from hosts that may still be using it. They lose it under their hands.
      - V(snapshots) deletes the volume's snapshots with it, but no member of a group snapshot.
    type: list
    elements: str
    choices: [attached, snapshots]
    default: []
  state:
    description:
      - Whether the volume should exist.
      - V(released) forgets it and leaves it on the storage system with all its data. It must be detached, and its snapshots released or deleted.
    type: str
    choices: [present, absent, released]
    default: present
  volumes:
    description:
      - Several volumes, planned as a whole and carried out in parallel. A volume may be the source of a later one.
      - Each item takes the same parameters as a single volume. O(backend) given beside the list is the default for its items.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
        type: str
      name:
        description:
          - Name of the volume, unique on its backend. An existing volume may also be named by its id.
        type: str
      size:
        description:
          - Size in GiB when bare, or with a unit, such as V(10), V(10GiB), V(10 G) or V(1TiB). Units are powers of 1024.
          - A larger size extends an existing volume, where its driver can also while it is attached. A smaller one is refused.
          - Required to create an empty volume. With a source it defaults to the source's size, of an image rounded up to whole GiB.
        type: str
      renamed_from:
        description:
          - The name (or id) that the volume had before. Where that exists and O(name) does not, it is renamed; where only O(name) exists, it was already.
          - Refused where both exist, unless what is called O(name) was made under the old name, and where neither does. Nothing is created then.
          - Exports, snapshots and copies of the volume follow, and its id stays. A node shows the old name until the volume is attached anew.
        type: str
      source_volume:
        description:
          - Create the volume as a clone of this volume (name or id) of the same backend.
          - On an existing volume it must be what the volume was made from.
        type: str
      source_snapshot:
        description:
          - Create the volume from this snapshot (name or id) of the same backend.
          - On an existing volume it must be what the volume was made from.
        type: str
      source_image:
        description:
          - Create the volume from an image - the absolute path of a file on the controller, or an C(http) or C(https) URL that the controller downloads.
          - The formats C(raw), C(qcow2), C(vmdk), C(vhdx), C(vhd) and C(vdi) are told apart by their content. An image that refers to other files,
            as a qcow2 with a backing file does, is refused.
          - What was written to the volume is read back and compared before the volume counts as made. A run that fails or is killed leaves no volume.
          - On an existing volume it must be what the volume was made from. The image itself is then not looked at and need not exist any more.
        type: str
      image_checksum:
        description:
          - What the image file must be, as C(algorithm:digest), such as V(sha256:4ef6...). The algorithms are C(sha256), C(sha384) and C(sha512).
          - In place of the digest may stand the URL or path of a list of checksums, such as V(sha256:https://example.com/images/SHA256SUMS).
          - Not given, an image that M(baremetal.legacy_storage.legacy_image) made must be what was recorded beside it.
          - An existing volume whose recorded checksum is another one is refused.
        type: str
      image_format:
        description:
          - What the image must be. V(raw) takes the file byte by byte, whatever is in it.
          - Not given, the content tells.
        type: str
        choices: [raw, qcow2, vmdk, vhdx, vdi, vhd]
      image_url_username:
        description: User name for O(volumes[].source_image) on a server that asks for one (HTTP basic authentication).
        type: str
      image_url_password:
        description: Password for O(volumes[].image_url_username). It is kept nowhere.
        type: str
      source_backup:
        description:
          - Create the volume from this backup, and read it back before it counts. It may be of a volume of another backend.
          - On an existing volume it must be what the volume was made from.
        type: str
      source_repository:
        description: Repository of O(volumes[].source_backup), as registered with M(baremetal.legacy_storage.legacy_backup_repository).
        type: str
      description:
        description: Free text.
        type: str
      metadata:
        description: All of the volume's metadata, texts by name. What is not listed is removed. Not given, it stays as it is.
        type: dict
      extra_specs:
        description:
          - All extra specs of the volume, as the Cinder driver documents them for volume types. Not given, they stay as they are.
          - A new volume has those that are given and no others, also when it is a copy of one that has some. The same holds for O(volumes[].qos_specs).
          - On an existing volume the driver changes them where the volume lies (retype). Where it cannot,
            O(volumes[].migration_policy=on-demand) lets the volume migrate.
          - "For several hosts at once, where the backend offers it: C(multiattach: '<is> True')."
          - "For a copy on another storage system, where the backend has a C(replication_device): C(replication_enabled: '<is> True').
            C(replication_status) of the volume tells how it is. See M(baremetal.legacy_storage.legacy_backend_failover)."
        type: dict
      qos_specs:
        description: All back-end QoS specs, as the Cinder driver documents them. Changed as O(extra_specs) are. Not given, they stay as they are.
        type: dict
      pool:
        description:
          - Pool of the backend to create the volume in.
          - The storage system is asked for its pools, also in check mode, before one is refused that it did not have when it was asked last.
          - By default the first of the pools that it had when the backend was registered, as long as it has that one. A run looks, check mode does not.
          - An existing volume in another pool moves only where O(volumes[].migration_policy=on-demand) lets it.
        type: str
      migrate_to:
        description:
          - Another backend that the volume should be on, of whatever kind. Its data is copied by the controller and compared byte by byte,
            and only then deleted where it was. Id, name, metadata, description and time of creation stay.
          - Works on a volume that is not attached and has no snapshots. Where the volume is on that backend already, nothing is done.
          - O(volumes[].size), O(volumes[].extra_specs) and the like hold for the volume there; not given, they stay as they are.
          - A task that was killed is settled by the next one that names the volume. Until both copies were found equal it is undone,
            from then on it is finished.
        type: dict
        suboptions:
          backend:
            description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
            type: str
            required: true
          pool:
            description: Pool of that backend, found and chosen as O(volumes[].pool) is.
            type: str
      migration_policy:
        description:
          - Whether the volume may be migrated for what cannot be changed where it is, such as its O(volumes[].pool).
          - V(on-demand) lets the driver move it, or where it cannot, the controller copy it, with the rules of O(volumes[].migrate_to).
        type: str
        choices: [never, on-demand]
        default: never
      revert_to:
        description:
          - The snapshot (name or id) whose content the volume should hold. Everything that was written since it was taken is B(lost).
          - Nothing is done where the volume was reverted to it before and was not handed to a host since; C(reverted_to) of the volume tells.
            Once a host may have written, the task reverts again.
          - Refused unless it is the volume's latest snapshot, the volume is detached, and it has still the size of that time.
          - Done by the storage system itself where its driver can. Else the controller copies the snapshot over the volume and compares the two.
        type: str
      adopt:
        description:
          - Make a volume that the storage system has already a managed one, under O(name). Its data stays; the driver may rename it there.
          - What the driver knows it by, such as C(source-name) or C(source-id), as its documentation says and as
            M(baremetal.legacy_storage.legacy_backend_info) with O(baremetal.legacy_storage.legacy_backend_info#module:candidates=true) lists it.
          - The storage system is asked for its size, also in check mode. A larger O(size) extends it afterwards.
          - Make sure that nobody else uses or manages the volume. On a managed volume it must be what that was adopted from.
          - What a volume was adopted from may be adopted again once the volume has migrated to another backend.
        type: dict
      force:
        description:
          - What O(state=absent) may override.
          - V(attached) unmaps the volume from hosts that may still be using it. They lose it under their hands.
          - V(snapshots) deletes the volume's snapshots with it, but no member of a group snapshot.
        type: list
        elements: str
        choices: [attached, snapshots]
        default: []
      state:
        description:
          - Whether the volume should exist.
          - V(released) forgets it and leaves it on the storage system with all its data. It must be detached, and its snapshots released or deleted.
        type: str
        choices: [present, absent, released]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: A volume of 10 GiB
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data
    size: 10
    metadata:
      team: a

- name: Grow it
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data
    size: 20GiB

- name: Rename it; what else is given is changed as well
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: archive
    renamed_from: data

- name: Let it do more from now on
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data
    qos_specs:
      total_iops_sec: '2000'

- name: A volume with a copy on the other site's array
  baremetal.legacy_storage.legacy_volume:
    backend: pure
    name: ledger
    size: 100
    extra_specs:
      replication_enabled: '<is> True'

- name: Put it back to what it was before the upgrade
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data
    revert_to: data-before-upgrade

- name: Manage a volume that was made on the array
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: wiki
    adopt:
      source-name: old_wiki

- name: Leave it to somebody else, with its data
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: wiki
    state: released

- name: A clone of it and a volume from a snapshot, in one task
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    volumes:
      - name: data-test
        source_volume: data
      - name: data-yesterday
        source_snapshot: data-nightly

- name: A volume with an operating system
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: node1-root
    size: 20GiB
    source_image: https://cloud.example.com/images/debian-12.qcow2
    image_checksum: sha512:https://cloud.example.com/images/SHA512SUMS

- name: Move it to another storage system
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data
    migrate_to:
      backend: ceph

- name: Delete it and its snapshots
  baremetal.legacy_storage.legacy_volume:
    backend: lvm
    name: data
    state: absent
    force: [snapshots]
"""

RETURN = r"""
volumes:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name the item was asked for by.
      returned: always
      type: str
      sample: data
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
          noun: volume
          backend: lvm
          name: data
          size: 10
    volume:
      description: The volume; size in GiB. Null when it does not exist.
      returned: always
      type: dict
      sample:
        id: 6229f862-a401-5616-bf1c-8011d75b8844
        backend: lvm
        name: data
        size: 10
        status: available
        description: ''
        metadata:
          team: a
        extra_specs: {}
        qos_specs: {}
        pool: lvm
        source: null
        reverted_to: null
        adopted_from: null
        attached_to: []
        restored: null
        replication_status: disabled
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "size: 5 is smaller than volume 'data' is now (10 GiB). Volumes never shrink; give at least that."
volume:
  description: The volume; size in GiB. Null when it does not exist.
  returned: when one volume was asked for by its own parameters
  type: dict
  sample:
    id: 6229f862-a401-5616-bf1c-8011d75b8844
    backend: lvm
    name: data
    size: 10
    status: available
    description: ''
    metadata:
      team: a
    extra_specs: {}
    qos_specs: {}
    pool: lvm
    source: null
    reverted_to: null
    adopted_from: null
    attached_to: []
    restored: null
    replication_status: disabled
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one volume was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: create
      noun: volume
      backend: lvm
      name: data
      size: 10
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: in_use
    parameter: state
    message: 'state: volume ''data'' is attached to node1. ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    backend=dict(type="str"),
    name=dict(type="str"),
    size=dict(type="str"),
    renamed_from=dict(type="str"),
    source_volume=dict(type="str"),
    source_snapshot=dict(type="str"),
    source_backup=dict(type="str"),
    source_repository=dict(type="str"),
    source_image=dict(type="str"),
    image_checksum=dict(type="str"),
    image_format=dict(type="str", choices=["raw", "qcow2", "vmdk", "vhdx", "vdi", "vhd"]),
    image_url_username=dict(type="str"),
    image_url_password=dict(type="str", no_log=True),
    description=dict(type="str"),
    metadata=dict(type="dict"),
    extra_specs=dict(type="dict"),
    qos_specs=dict(type="dict"),
    pool=dict(type="str"),
    migrate_to=dict(type="dict", options=dict(backend=dict(type="str", required=True), pool=dict(type="str"))),
    migration_policy=dict(type="str", choices=["never", "on-demand"], default="never"),
    revert_to=dict(type="str"),
    adopt=dict(type="dict"),
    force=dict(type="list", elements="str", choices=["attached", "snapshots"], default=[]),
    state=dict(type="str", choices=["present", "absent", "released"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "volumes"))
    run_on_items(module, "volume.ensure", "volumes", ITEM, shared=["backend"])


if __name__ == "__main__":
    main()
