# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventory: which host has which volumes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: legacy_attachments
short_description: Groups and variables of hosts from the volumes that are attached to them
version_added: 0.1.0
description:
  - Adds the hosts that have volumes attached, with the variable C(legacy_attachments), a list of what is attached.
    Each attachment has C(backend), C(volume_name), C(volume_id), C(size) in GiB, C(path) and C(metadata).
  - Hosts are called as the controller knows them, which are the names of your own inventory; use it beside that.
  - Each host is in the group C(legacy_attachments) and in a group C(legacy_backend_<name>) for each backend that it has volumes of.
  - An inventory plugin runs where Ansible runs and reaches no other host. So it reads a listing that the playbook
    C(baremetal.legacy_storage.attachments_listing) wrote, from a file or a web server, which also works in AWX; or it asks the
    controller's own worker, where Ansible runs on the controller.
  - The source is a file whose name ends with C(legacy_attachments.yml) or C(legacy_attachments.yaml).
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [baremetal.legacy_storage.legacy_attachments]
  listing:
    description:
      - Path of the listing, or its C(http) or C(https) URL. A path that is not absolute begins at the directory of the source.
      - One of O(listing) and O(controller_config) is required.
    type: str
  listing_token:
    description: Bearer token for a URL. In AWX it comes from a credential that sets the environment variable.
    type: str
    env:
      - name: LEGACY_ATTACHMENTS_TOKEN
  listing_timeout:
    description: Seconds for the web server to answer.
    type: int
    default: 30
  controller_config:
    description:
      - Ask the controller that this machine is. Settings file that the role P(baremetal.legacy_storage.controller#role) wrote, as a rule
        V(/etc/baremetal.legacy_storage/controller.json). Needs the rights to read it.
    type: path
extends_documentation_fragment:
  - constructed
  - inventory_cache
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
# storage.legacy_attachments.yml, beside the listing
plugin: baremetal.legacy_storage.legacy_attachments
listing: attachments.json

# From a web server; a group for each volume, and one for all hosts with much storage
---
plugin: baremetal.legacy_storage.legacy_attachments
listing: https://storage.example/attachments.json
keyed_groups:
  - key: legacy_attachments | map(attribute='volume_name')
    prefix: volume
groups:
  much_storage: legacy_attachments | map(attribute='size') | sum > 1000
compose:
  storage_gib: legacy_attachments | map(attribute='size') | sum
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/cache/ansible-inventory

# Where Ansible runs on the controller
---
plugin: baremetal.legacy_storage.legacy_attachments
controller_config: /etc/baremetal.legacy_storage/controller.json
"""

import json
import os

from ansible.errors import AnsibleParserError
from ansible.module_utils.urls import open_url
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.attached import check_listing, hosts_of


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The inventory plugin."""

    NAME = "baremetal.legacy_storage.legacy_attachments"

    def verify_file(self, path):
        """Tell whether a file may be a source of this plugin."""
        return super().verify_file(path) and path.endswith(("legacy_attachments.yml", "legacy_attachments.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        """Add hosts, groups and variables."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        if bool(self.get_option("listing")) == bool(self.get_option("controller_config")):
            raise AnsibleParserError("%s: give either listing or controller_config." % path)
        self._fill(hosts_of(self._volumes(path, cache)))

    def _volumes(self, path, cache):
        key = self.get_cache_key(path)
        caching = self.get_option("cache")
        if caching and cache:
            try:
                return self._cache[key]
            except KeyError:
                pass
        volumes = self._ask() if self.get_option("controller_config") else self._read(path)
        if caching:
            self._cache[key] = volumes
        return volumes

    def _ask(self):
        config = self.get_option("controller_config")
        try:
            return ask("controller", config, "volume.list", {"backend": None, "names": None}).result["volumes"]
        except StorageError as error:
            raise AnsibleParserError("controller_config: %s" % error.message) from error

    def _read(self, path):
        listing = self.get_option("listing")
        try:
            if listing.startswith(("http://", "https://")):
                token = self.get_option("listing_token")
                headers = {"Authorization": "Bearer %s" % token} if token else None
                text = open_url(listing, headers=headers, timeout=self.get_option("listing_timeout"), http_agent="ansible").read()
            else:
                with open(os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(listing)), "rb") as stream:
                    text = stream.read()
            return check_listing(json.loads(text))
        except (OSError, ValueError) as error:
            raise AnsibleParserError("listing: %s cannot be used: %s" % (listing, error)) from error

    def _fill(self, hosts):
        strict = self.get_option("strict")
        for host, attachments in hosts.items():
            self.inventory.add_host(host)
            self.inventory.set_variable(host, "legacy_attachments", wrap_var(attachments))  # metadata is anybody's text, and no template
            for group in ["legacy_attachments", *sorted({"legacy_backend_" + one["backend"] for one in attachments})]:
                self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(group)), host)
            variables = self.inventory.get_host(host).get_vars()
            self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)
