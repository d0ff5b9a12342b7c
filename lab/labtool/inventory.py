# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of the lab. Rendering is pure; no YAML library is needed for what it holds."""

from __future__ import annotations

import json
import shlex
from typing import Any

from . import ssh
from .paths import Paths
from .topology import HostSpec

_HEADER = """\
# Made by `lab up`. The same groups and variables describe real hosts: see docs/lab.md.
"""


def data(paths: Paths, specs: list[HostSpec]) -> dict[str, Any]:
    """The inventory as plain data."""
    groups: dict[str, Any] = {}
    for spec in specs:
        groups.setdefault(spec.group, {'hosts': {}})['hosts'][spec.name] = {
            'ansible_host': spec.ssh_address,
            'storage_addresses': spec.storage_addresses,
        }
    common = {
        'ansible_user': ssh.USER,
        'ansible_ssh_private_key_file': str(paths.private_key),
        'ansible_ssh_common_args': shlex.join(ssh.options(paths)),
        'ansible_python_interpreter': '/usr/bin/python3',
        'ansible_pipelining': True,
    }
    return {'all': {'children': groups, 'vars': common}}


def render(paths: Paths, specs: list[HostSpec]) -> str:
    """The inventory as YAML."""
    return _HEADER + '\n'.join(_lines(data(paths, specs), 0)) + '\n'


def _lines(value: dict[str, Any], depth: int) -> list[str]:
    lines = []
    for key, item in value.items():
        head = '  ' * depth + f'{key}:'
        if isinstance(item, dict):
            lines += [head, *_lines(item, depth + 1)]
        else:
            # JSON's scalars and lists are YAML's.
            lines.append(f'{head} {json.dumps(item)}')
    return lines
