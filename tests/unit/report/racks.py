# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of the playbook ``report`` would have registered, for a rack that has about everything that can happen."""

from __future__ import annotations

ABILITIES = {"thin_provisioning": True}


def pool(name, total, free, promised, allowed=20.0, **changes):
    """A pool as legacy_backend_info tells of it."""
    told = {
        "name": name, "total_capacity_gb": total, "free_capacity_gb": free, "provisioned_capacity_gb": promised, "max_over_subscription_ratio": allowed,
        "reserved_percentage": 0, "capabilities": ABILITIES,
    }
    return dict(told, **changes)


def backend(name, pools, error=None, driver="cinder.volume.drivers.lvm.LVMVolumeDriver", **changes):
    """A backend as legacy_backend_info tells of it; one with an error tells of no pool."""
    told = {"name": name, "driver": driver, "pools": [item["name"] for item in pools], "pool_details": None if error else pools, "error": error}
    return dict(dict(told, failed_over_to=None), **changes)


def volume(name, on="vendor-a", size=100, **changes):
    """A volume as legacy_volume_info tells of it."""
    told = {
        "id": "id-of-" + name, "backend": on, "name": name, "size": size, "status": "available", "description": "", "pool": None, "attached_to": [],
        "snapshots": [], "created_at": "2026-03-02T08:15:00Z", "in_progress": [],
    }
    return dict(told, **changes)


def snapshot(name, of, **changes):
    """A snapshot as legacy_snapshot_info tells of it."""
    told = {"name": name, "backend": of["backend"], "volume_id": of["id"], "volume_name": of["name"], "size": of["size"], "status": "available"}
    return dict(dict(told, created_at="2026-11-20T01:00:00Z"), **changes)


def export(of, host, **changes):
    """An export as legacy_export_info tells of it."""
    told = {
        "backend": of["backend"], "volume_id": of["id"], "volume_name": of["name"], "host": host, "size": of["size"], "protocol": "iscsi",
        "access_mode": "rw", "status": "exported",
    }
    return dict(told, **changes)


def attachment(of, paths=(("/dev/sda", "active"), ("/dev/sdb", "active")), **changes):
    """An attachment as legacy_attachment_info tells of it."""
    told = {
        "backend": of["backend"], "volume_id": of["id"], "volume_name": of["name"], "size": of["size"], "protocol": "iscsi", "access_mode": "rw",
        "verified": True, "encryption": None, "path": "/dev/disk/by-id/legacy-storage-%s" % of["id"], "device": "/dev/dm-3",
        "paths": [{"device": device, "state": state} for device, state in paths],
        "problems": ["Path %s is %s." % path for path in paths if path[1] != "active"],
    }
    return dict(told, **changes)


def controller(backends=(), volumes=(), snapshots=(), exports=(), findings=(), store="s1", **changes):
    """The registered results of a controller."""
    told = {
        "report_store": {"store_id": store}, "report_backends": {"backends": list(backends)}, "report_volumes": {"volumes": list(volumes)},
        "report_snapshots": {"snapshots": list(snapshots)}, "report_exports": {"exports": list(exports)}, "report_doctor": {"findings": list(findings)},
    }
    return dict(told, **changes)


def node(host, *attachments):
    """The registered result of a node."""
    return {"report_node": {"connector": {"host": host}, "attachments": list(attachments)}}


def silent(why):
    """A node that could not be reached."""
    return {"report_node": {"unreachable": True, "msg": why}}


def doctor(severity, check, where, problem, remedy):
    """A finding of the doctor's."""
    told = {"severity": severity, "check": check, "where": where, "problem": problem, "remedy": remedy}
    return dict(told, mendable=False, mended=False, mend_error=None)


def rack():
    """Return hosts, controllers and nodes: several storage systems, forty volumes, and something wrong with some of them."""
    backends = [
        backend(
            "netapp-basement", [pool("aggr1_fast", 20480, 1870, 40100), pool("aggr2_bulk", 61440, 22300, 52000)],
            driver="cinder.volume.drivers.netapp.common.NetAppDriver",
        ),
        backend("pure-hall2", [pool("pure-hall2", 51200, 30100, 61000, 2.0)], driver="cinder.volume.drivers.pure.PureISCSIDriver"),
        backend("lvm-lab", [pool("lvm-lab", 1862, 41, 1821, 1.0, capabilities={"thin_provisioning": False})]),
        backend("eqlx-old", [pool("eqlx-old", 0, 0, 0)], "It did not answer within 60 s.", "cinder.volume.drivers.dell_emc.eqlx.PSSeriesISCSIDriver"),
        backend("ceph", [pool("volumes", 122880, "unknown", "unknown")], driver="cinder.volume.drivers.rbd.RBDDriver"),
    ]
    names = ["erp-db", "erp-logs", "mail-store", "wiki", "gitlab-repos", "gitlab-registry", "prometheus", "loki", "minio-a", "minio-b"]
    names += ["keycloak-db", "scratch"]
    homes = [("netapp-basement", "aggr1_fast"), ("netapp-basement", "aggr2_bulk")]
    homes += [(name, name) for name in ("pure-hall2", "lvm-lab", "eqlx-old")] + [("ceph", "volumes")]
    volumes, exports, held = [], [], {"node%02d" % number: [] for number in range(1, 7)}
    for number in range(40):
        home = homes[number % 6] if number % 6 != 4 or number < 12 else homes[0]
        name = names[number % 12] + ("-%d" % (number // 12 + 1) if number >= 12 else "")
        item = volume(name, home[0], [50, 200, 1024, 10, 4096][number % 5] if home[0] != "lvm-lab" else 260, pool=home[1])
        volumes.append(item)
        if number % 4:
            host = "node%02d" % (number % 6 + 1)
            item["attached_to"], item["status"] = [host], "in-use"
            exports.append(export(item, host))
            disks = ["/dev/sd%s" % "abcdefghijklmnopqrstuvwxyz"[(2 * number + path) % 26] for path in range(2)]
            held[host].append(attachment(item, [(disks[0], "active"), (disks[1], "active")]))
    volumes[0]["description"] = "Production database of the ERP. Ask finance before touching it."
    volumes[8].update(status="error", description="")
    volumes[16]["in_progress"] = [{"action": "migrate", "step": "copying 37 %", "started_at": "2026-11-27T01:42:00Z"}]
    held["node02"][0] = attachment(volumes[1], [("/dev/sdc", "active"), ("/dev/sdd", "failed")])
    held["node04"].pop()
    exports.append(export(volumes[4], "old-esx-7"))
    snapshots = [
        snapshot("%s-nightly-2026-11-%02d" % (item["name"], night), item, created_at="2026-11-%02dT01:00:00Z" % night)
        for item in volumes[:9:2]
        for night in range(13, 27)
    ]
    for item in volumes[:9:2]:
        item["snapshots"] = [made["name"] for made in snapshots if made["volume_id"] == item["id"]]
    snapshots[3]["status"] = "error"
    found = [
        doctor(
            "note", "foreign", "volumes of backend ceph", "The storage system has 3 more that this store does not know: a, b, c.",
            "Nothing, where they are somebody else's. They can be adopted.",
        ),
        doctor(
            "warning", "unsettled", "volume %s/%s" % (volumes[16]["backend"], volumes[16]["name"]),
            "migrate was begun 28 minutes ago and has not ended: it is under way, or its run was interrupted.",
            "The next task that names it takes back what was copied first; the doctor does the same when told to mend.",
        ),
    ]
    hosts = {name: node(name, *records) for name, records in held.items()}
    hosts["node06"] = silent("Failed to connect to the host via ssh: ssh: connect to host 192.0.2.46 port 22: No route to host")
    hosts["controller1"] = controller(backends, volumes, snapshots, exports, found)
    return hosts, ["controller1"], sorted(held)
