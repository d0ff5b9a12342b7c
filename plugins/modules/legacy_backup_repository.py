#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backup_repository
short_description: Register places that backups of volumes go to
description:
  - Makes a restic repository, in a directory or an object store, known on a controller by a name, so that M(baremetal.legacy_storage.legacy_backup)
    needs no secret. Its password and keys are kept encrypted in the store.
  - Opens the repository before anything is saved, so a wrong password is told at once.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied, and uses the program restic there.
options:
  name:
    description: Name of the repository on this controller, without C(/).
    type: str
  location:
    description:
      - Where the backups go, as restic writes it, such as V(/srv/backup), V(sftp:backup@host:/srv/backup), V(rest:https://host:8000/lab),
        V(s3:https://host:9000/bucket), V(azure:container:/), V(gs:bucket:/), V(swift:container:/), V(b2:bucket:path) or V(rclone:remote:path).
      - Required for O(state=present).
    type: str
  password:
    description:
      - What everything in the repository is encrypted with. Required for O(state=present).
      - Without it nothing in the repository can ever be read again. Keep it where the loss of this controller does not take it along.
    type: str
  environment:
    description:
      - All of the variables for restic that may be shown, such as C(AWS_DEFAULT_REGION) or C(AZURE_ACCOUNT_NAME).
      - One that is called like a secret is refused, such as C(AZURE_ACCOUNT_SAS) or C(RCLONE_CONFIG_X_PASS), and so is a URL that holds a password.
    type: dict
  secret_environment:
    description:
      - All of those that must not be shown, such as C(AWS_ACCESS_KEY_ID) and C(AWS_SECRET_ACCESS_KEY), or
        C(RESTIC_REST_USERNAME) and C(RESTIC_REST_PASSWORD). Kept out of logs and results, encrypted in the store.
    type: dict
  create:
    description:
      - Make the repository where there is none. Say V(false) for a place whose file system may not be mounted.
      - Only when the repository is registered or changed. A backup never makes one.
    type: bool
    default: true
  state:
    description: Whether the repository should be registered. V(absent) forgets it here; what it holds stays where it is.
    type: str
    choices: [present, absent]
    default: present
  repositories:
    description: Several repositories. Each item takes the same parameters as a single one.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the repository on this controller, without C(/).
        type: str
      location:
        description:
          - Where the backups go, as restic writes it, such as V(/srv/backup), V(sftp:backup@host:/srv/backup), V(rest:https://host:8000/lab),
            V(s3:https://host:9000/bucket), V(azure:container:/), V(gs:bucket:/), V(swift:container:/), V(b2:bucket:path) or V(rclone:remote:path).
          - Required for O(state=present).
        type: str
      password:
        description:
          - What everything in the repository is encrypted with. Required for O(state=present).
          - Without it nothing in the repository can ever be read again. Keep it where the loss of this controller does not take it along.
        type: str
      environment:
        description:
          - All of the variables for restic that may be shown, such as C(AWS_DEFAULT_REGION) or C(AZURE_ACCOUNT_NAME).
          - One that is called like a secret is refused, such as C(AZURE_ACCOUNT_SAS) or C(RCLONE_CONFIG_X_PASS), and so is a URL that holds a password.
        type: dict
      secret_environment:
        description:
          - All of those that must not be shown, such as C(AWS_ACCESS_KEY_ID) and C(AWS_SECRET_ACCESS_KEY), or
            C(RESTIC_REST_USERNAME) and C(RESTIC_REST_PASSWORD). Kept out of logs and results, encrypted in the store.
        type: dict
      create:
        description:
          - Make the repository where there is none. Say V(false) for a place whose file system may not be mounted.
          - Only when the repository is registered or changed. A backup never makes one.
        type: bool
        default: true
      state:
        description: Whether the repository should be registered. V(absent) forgets it here; what it holds stays where it is.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: A directory
  baremetal.legacy_storage.legacy_backup_repository:
    name: nas
    location: /srv/backup
    password: "{{ vault_backup_password }}"
    create: false  # refuse an empty mount point

- name: A bucket
  baremetal.legacy_storage.legacy_backup_repository:
    name: offsite
    location: s3:https://192.0.2.30:9000/backup
    password: "{{ vault_backup_password }}"
    environment:
      AWS_DEFAULT_REGION: eu-1
    secret_environment:
      AWS_ACCESS_KEY_ID: "{{ vault_s3_key }}"
      AWS_SECRET_ACCESS_KEY: "{{ vault_s3_secret }}"
"""

RETURN = r"""
repositories:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name the item was asked for by.
      returned: always
      type: str
      sample: offsite
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
        - action: register
          noun: repository
          repository: offsite
          name: offsite
    repository:
      description: The repository, secrets hidden. Null when it is not registered.
      returned: always
      type: dict
      sample:
        name: offsite
        location: s3:https://192.0.2.30:9000/backup
        environment:
          AWS_DEFAULT_REGION: eu-1
        secret_environment:
          AWS_ACCESS_KEY_ID: (hidden)
          AWS_SECRET_ACCESS_KEY: (hidden)
        password: (hidden)
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "repository offsite: the password does not open the repository at /srv/backup."
repository:
  description: The repository, secrets hidden. Null when it is not registered.
  returned: when one repository was asked for by its own parameters
  type: dict
  sample:
    name: offsite
    location: s3:https://192.0.2.30:9000/backup
    environment:
      AWS_DEFAULT_REGION: eu-1
    secret_environment:
      AWS_ACCESS_KEY_ID: (hidden)
      AWS_SECRET_ACCESS_KEY: (hidden)
    password: (hidden)
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one repository was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: register
      noun: repository
      repository: offsite
      name: offsite
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: invalid
    parameter: password
    message: 'repository offsite: the password does not open ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    name=dict(type="str"),
    location=dict(type="str"),
    password=dict(type="str", no_log=True),
    environment=dict(type="dict"),
    secret_environment=dict(type="dict", no_log=True),
    create=dict(type="bool", default=True),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "repositories"))
    run_on_items(module, "repository.ensure", "repositories", ITEM)


if __name__ == "__main__":
    main()
