# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_chap_secret
short_description: Give Kubernetes the CHAP credentials of volumes, in Secrets
version_added: 0.1.0
description:
  - A kubelet that mounts an iSCSI volume of a PersistentVolume logs in by itself, with CHAP credentials from a Secret of type
    C(kubernetes.io/iscsi-chap). This makes those Secrets.
  - The credentials never enter the play. The controller seals them to a key that this task makes and keeps nowhere; they are opened within the task
    and handed to C(kubernetes.core.k8s), whose answer is not shown.
  - A volume that needs no CHAP gets no Secret.
  - Whoever may read the Secret, and whoever reads etcd, has the credentials. Let the cluster encrypt Secrets at rest.
options:
  controller:
    description:
      - Inventory host of the controller.
      - It is reached with its own variables; what they leave open, such as C(become), is as for the task.
    type: str
    required: true
  connectors:
    description:
      - Connectors of the nodes that the volumes are exported to, as RV(baremetal.legacy_storage.legacy_connector_info#module:connector) returned them.
      - A volume that is not mapped to one of them yet is mapped, as by M(baremetal.legacy_storage.legacy_export).
    type: list
    elements: dict
    required: true
  backend:
    description: Backend of the volume, or of all O(secrets) that do not name one.
    type: str
  volume:
    description: Name or id of the volume. Required unless O(secrets) is given.
    type: str
  name:
    description: Name of the Secret.
    type: str
  namespace:
    description: Namespace of the Secret, or of all O(secrets) that do not name one. It must exist.
    type: str
  secrets:
    description: Many Secrets at once. The controller is asked once for all of them, and so is Kubernetes.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Backend of the volume. Defaults to O(backend).
        type: str
      volume:
        description: Name or id of the volume. Required.
        type: str
      name:
        description: Name of the Secret. Required.
        type: str
      namespace:
        description: Namespace of the Secret. Defaults to O(namespace).
        type: str
  kubernetes:
    description:
      - How C(kubernetes.core.k8s) reaches the cluster, by its own options, such as C(kubeconfig) and C(context).
      - Files are those of the host that the task runs on.
      - C(module_defaults) of kubernetes.core do not count here; its environment variables (C(K8S_AUTH_KUBECONFIG), ...) do.
    type: dict
    default: {}
  controller_config:
    description:
      - Settings that the role P(baremetal.legacy_storage.controller#role) wrote on the controller.
    type: path
    default: /etc/baremetal.legacy_storage/controller.json
extends_documentation_fragment:
  - action_common_attributes
  - action_common_attributes.conn
  - action_common_attributes.flow
attributes:
  action_group:
    description: Use C(group/baremetal.legacy_storage.legacy_storage) in C(module_defaults) to set defaults for this module.
    support: full
    membership: [baremetal.legacy_storage.legacy_storage]
  action:
    support: full
  async:
    support: none
  bypass_host_loop:
    support: none
  become:
    support: full
  check_mode:
    support: full
  connection:
    support: full
  delegation:
    support: full
  diff_mode:
    description: A difference would show what is secret.
    support: none
  platform:
    support: full
    platforms: posix
seealso:
  - plugin: baremetal.legacy_storage.persistent_volume
    plugin_type: filter
  - plugin: baremetal.legacy_storage.chap_secret
    plugin_type: filter
  - module: baremetal.legacy_storage.legacy_export
notes:
  - The task runs on a host that reaches the API server and has what C(kubernetes.core.k8s) needs there.
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
- name: What the kubelets log in with
  baremetal.legacy_storage.legacy_chap_secret:
    controller: controller1
    connectors: "{{ connectors }}"
    backend: vendor-a
    namespace: kube-system
    secrets:
      - volume: orders
        name: orders-chap
      - volume: invoices
        name: invoices-chap
    kubernetes:
      kubeconfig: /etc/kubernetes/admin.conf
  delegate_to: control-plane1
  become: true
"""

RETURN = r"""
secrets:
  description: The Secrets, in the order asked for. Nothing in them is secret.
  returned: success
  type: list
  elements: dict
  contains:
    backend:
      description: Backend of the volume.
      type: str
      sample: vendor-a
    volume:
      description: The volume as the task named it.
      type: str
      sample: orders
    name:
      description: Name of the Secret.
      type: str
      sample: orders-chap
    namespace:
      description: Namespace of the Secret.
      type: str
      sample: kube-system
    needed:
      description: Whether the storage system wants CHAP for the volume. In check mode V(null) where an earlier task would export it.
      type: bool
      sample: true
"""
