# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports, attachments and directories as the modules return them, made up or generated."""

from __future__ import annotations

from hypothesis import strategies as st

VOLUME_ID = "6229f862-a401-5616-bf1c-8011d75b8844"
IQN = "iqn.2010-10.org.openstack:volume-" + VOLUME_ID


def export(protocol="iscsi", host="node1", size=10, volume_id=VOLUME_ID, **connection_info):
    """Return an export as legacy_export returns it."""
    told = {
        "iscsi": {"target_portal": "192.0.2.10:3260", "target_iqn": IQN, "target_lun": 1, "target_discovered": False, "encrypted": False},
        "fibre_channel": {"target_wwn": ["500A098280FEEBA5", "50:0a:09:83:80:fe:eb:a5"], "target_lun": 3},
        "rbd": {"name": "volumes/volume-1"},
    }[protocol]
    return {
        "id": "7101656c-de3c-5513-95aa-3fcb3fc7f6ca",
        "backend": "lvm",
        "volume_id": volume_id,
        "volume_name": "data",
        "host": host,
        "size": size,
        "protocol": protocol,
        "connection_info": dict(told, **connection_info),
        "sealed_connection_info": "u2SJ6GKINsWj...",
    }


CHAP = {"auth_method": "CHAP", "auth_username": "(hidden)", "auth_password": "(hidden)"}
DISCOVERY_CHAP = {"discovery_auth_method": "CHAP", "discovery_auth_username": "(hidden)", "discovery_auth_password": "(hidden)"}
SECRET = {"name": "data-chap", "namespace": "kube-system"}


def attachment(**more):
    """Return an attachment as legacy_attachment returns it."""
    told = {
        "backend": "lvm",
        "volume": "data",
        "volume_id": VOLUME_ID,
        "volume_name": "data",
        "host": "node1",
        "state": "present",
        "path": "/dev/disk/by-id/legacy-storage-" + VOLUME_ID,
        "device": "/dev/dm-3",
        "size": 10,
        "protocol": "iscsi",
        "connection_info": {},
    }
    return dict(told, **more)


ENCRYPTION = {"type": "luks2", "uuid": "9a8a7d35-3c5a-4b5e-a2e8-6d1f0c3a3a11", "opened": True, "key_from": "key_file"}
SHARE = {"server": "192.0.2.20", "path": "/exports/media"}

_attachments = st.sampled_from([None, ENCRYPTION]).map(lambda told: attachment(encryption=told))
_hosts = st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=4, unique=True)
_portals = st.lists(st.sampled_from(["192.0.2.10:3260", "192.0.2.11:3260", "[2001:db8::1]:3260"]), max_size=3, unique=True)


@st.composite
def iscsi(draw):
    """Give one export for each node of a volume on iSCSI, with or without CHAP and further portals."""
    told = {"target_lun": draw(st.integers(0, 255))}
    portals = draw(_portals)
    if portals:
        told.update(target_portals=portals, target_iqns=[IQN] * len(portals), target_luns=[told["target_lun"]] * len(portals))
    told.update(draw(st.sampled_from([{}, CHAP, DISCOVERY_CHAP, dict(CHAP, **DISCOVERY_CHAP)])))
    size = draw(st.integers(1, 100_000))
    return [export(host=host, size=size, **told) for host in draw(_hosts)]


@st.composite
def fibre_channel(draw):
    """Give one export for each node of a volume on Fibre Channel."""
    told = {"target_lun": draw(st.integers(0, 255)), "target_wwn": draw(st.lists(st.from_regex(r"[0-9a-f]{16}", fullmatch=True), min_size=1, max_size=4))}
    return [export("fibre_channel", host=host, **told) for host in draw(_hosts)]


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,30}[a-z0-9])?", fullmatch=True).filter(lambda name: ".." not in name and "-." not in name and ".-" not in name)
LABEL_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
REFERENCES = st.fixed_dictionaries({"name": NAMES, "namespace": LABEL_NAMES})
_DICTIONARIES = st.dictionaries(st.sampled_from(["tier", "example.com/team", "x"]), st.sampled_from(["gold", "a.b_c-d", ""]), max_size=2)


@st.composite
def wishes(draw):
    """Give (value, keywords) that the filter persistent_volume must accept."""
    kind = draw(st.sampled_from(["iscsi", "fc", "local", "nfs"]))
    value = draw({"iscsi": iscsi(), "fc": fibre_channel(), "local": _attachments, "nfs": st.just(SHARE)}[kind])
    block = kind != "nfs" and draw(st.booleans())
    modes = {
        "iscsi": ["ReadWriteOnce", "ReadOnlyMany"] + ["ReadWriteMany"] * block,
        "fc": ["ReadWriteOnce", "ReadOnlyMany"] + ["ReadWriteMany"] * block,
        "local": ["ReadWriteOnce"],
    }
    if kind == "nfs":
        access = draw(st.lists(st.sampled_from(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"]), min_size=1, max_size=3, unique=True))
    else:
        access = [draw(st.sampled_from(modes[kind]))]
    keywords = {
        "name": draw(NAMES),
        "access_modes": access,
        "volume_mode": "Block" if block else "Filesystem",
        "storage_class": draw(st.just("") | NAMES),
        "claim": draw(st.none() | REFERENCES),
        "chap_secret": SECRET,
        "labels": draw(_DICTIONARIES),
        "annotations": draw(_DICTIONARIES),
    }
    if kind == "nfs":
        keywords["size"] = draw(st.integers(1, 10**6))
    if not block:
        keywords["mount_options"] = draw(st.lists(st.sampled_from(["noatime", "nfsvers=4.2"]), max_size=2, unique=True))
        if kind != "nfs":
            keywords["fs_type"] = draw(st.sampled_from([None, "ext4", "xfs"]))
    if kind != "local":
        keywords["node_labels"] = draw(st.none() | _DICTIONARIES)
    return value, keywords


_VALUES = st.text(min_size=1).filter(lambda text: not text.startswith("(hidden"))
CREDENTIALS = st.sampled_from([("",), ("discovery_",), ("", "discovery_")]).flatmap(
    lambda prefixes: st.fixed_dictionaries({prefix + field: _VALUES for prefix in prefixes for field in ("auth_username", "auth_password")})
)
