# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs that change: backends, volumes, snapshots and exports made as wanted."""

from __future__ import annotations

import dataclasses

from ..module_utils.model.attachment import Export
from ..module_utils.model.errors import StorageError
from ..module_utils.model.redaction import redact_connection
from ..module_utils.model.wanted import WantedBackend, WantedExport, WantedImage, WantedSnapshot, WantedVolume
from ..module_utils.model.wanted_backups import WantedBackup, WantedRepository
from ..module_utils.model.wanted_failover import WantedFailover
from ..module_utils.model.wanted_groups import WantedGroupSnapshot
from ..module_utils.plan.adopting import snapshots_volume
from ..module_utils.plan.attached import refuse_unable as refuse_attached
from ..module_utils.plan.backends import plan_backend
from ..module_utils.plan.backups import left_by_keep, plan_backup
from ..module_utils.plan.diagnosis_picture import some_of
from ..module_utils.plan.exports import ANEW, identities, plan_export
from ..module_utils.plan.failover import find_failover, plan_failover, refuse_unreplicable
from ..module_utils.plan.group_snapshots import plan_group_snapshot
from ..module_utils.plan.images import plan_image
from ..module_utils.plan.migration import find_volume
from ..module_utils.plan.naming import bearer
from ..module_utils.plan.pools import learn_pools
from ..module_utils.plan.repositories import plan_repository
from ..module_utils.plan.retyping import refuse_unable as refuse_unretypable
from ..module_utils.plan.snapshots import plan_snapshot
from ..module_utils.plan.volumes import plan_volume
from ..secrets.sealing import seal
from .backup.survey import survey
from .ensure import Flow, Noun
from .execute.executor import Executor
from .images.looking import look_at_images, look_at_offers
from .store.database import now
from .summary import summarize

_ALONE = (
    "Backend %s: several controllers may share this store, but %s does not declare that several may work on one backend at once (SUPPORTS_ACTIVE_ACTIVE). "
    "Let one controller alone work on this backend."
)
# Whoever has what connection_info says gets in: unmapping one host there closes nothing.
_OPEN_PROTOCOLS = {"aoe", "glusterfs", "gpfs", "local", "nfs", "quobyte", "rbd", "scality", "vzstorage"}


def ensure_volumes(session, arguments, check, warn):
    """Make volumes as wanted: {"volumes": [parameters, ...]}."""
    plan = _able(session, _measuring(session, "volume", plan_volume))
    noun = dataclasses.replace(VOLUME, plan=_knowing_pools(session, check, plan))
    return summarize(noun, _flow(session, noun, check, warn).run(arguments["volumes"]))


def ensure_snapshots(session, arguments, check, warn):
    """Make snapshots as wanted: {"snapshots": [parameters, ...]}."""
    noun = dataclasses.replace(SNAPSHOT, plan=_snapping(session, _measuring(session, "snapshot", plan_snapshot)))
    return summarize(noun, _flow(session, noun, check, warn).run(arguments["snapshots"]))


def ensure_group_snapshots(session, arguments, check, warn):
    """Make group snapshots as wanted: {"group_snapshots": [parameters, ...]}. Whether a driver can take them is looked up also in check mode."""

    def plan(landscape, wanted):
        operations = plan_group_snapshot(landscape, wanted)
        if any(operation.action == "create" for operation in operations):
            session.engine().groups.refuse_unable(landscape.backend(wanted.backend))
        return operations

    noun = dataclasses.replace(GROUP_SNAPSHOT, plan=plan)
    return summarize(noun, _flow(session, noun, check, warn).run(arguments["group_snapshots"]))


def _measuring(session, noun, plan):
    """Return ``plan`` for items that may adopt: the array is asked, also in check mode, how large that is."""

    def measured(landscape, wanted):
        if wanted.adopt is None or getattr(landscape, noun)(wanted.backend, wanted.name) is not None:
            return plan(landscape, wanted)
        backend = landscape.backend(wanted.backend)
        owner = snapshots_volume(landscape, wanted) if noun == "snapshot" else None
        with session.store().reading() as reader:
            going = {"volume": reader.driven_volumes, "snapshot": reader.driven_snapshots}[noun](backend=wanted.backend, name=wanted.name)
            known = reader.adopted(noun, wanted.backend, wanted.adopt)
        if going:  # the plan foresees that it is gone by then, but the array cannot be asked about that time
            raise StorageError(
                "interrupted",
                "adopt: a run that let %s %r go was killed. Run that task again first (state: released), then this one."
                % (noun, wanted.name),
                "adopt",
            )
        if known is not None:
            raise StorageError("conflict", "adopt: %r is managed already, as %s %r." % (wanted.adopt, noun, known), "adopt")
        return plan(landscape, dataclasses.replace(wanted, found=session.engine().adopting.measure(noun, backend, wanted, owner)))

    return measured


def _able(session, plan):
    """Return ``plan`` for volumes that may be replicated or retyped, or are attached: what their driver cannot do is refused also in check mode."""
    able_while_attached = _able_while_attached(session)

    def changes_in_place(backend):
        return session.engine().volumes.changes_in_place(backend)  # the engine starts for those that ask

    def planned(landscape, wanted):
        operations = plan(landscape, wanted)
        for name in refuse_unreplicable(landscape, operations):
            session.engine().replication.require(landscape.backend(name))
        refuse_unretypable(landscape, operations, changes_in_place)
        refuse_attached(landscape, operations, able_while_attached)
        return operations

    return planned


def _knowing_pools(session, check, plan):
    """Return ``plan`` for volumes with the pools that there are now: the array is asked before one is refused that the store does not know, also in
    check mode, and in a run before a volume migrates to a backend's first one, whose driver must start for that anyway."""

    def asked(landscape, wanted):
        try:
            operations = plan(landscape, wanted)
        except StorageError as error:
            if "pools_of" not in error.details:
                raise
            return error.details["pools_of"], None
        by_default = not check and wanted.migrate_to and not wanted.migrate_to.pool
        migrates = by_default and any(operation.action == "migrate" for operation in operations)
        return wanted.migrate_to.backend if migrates else None, operations

    def planned(landscape, wanted):
        name, operations = asked(landscape, wanted)
        if name is None:
            return operations
        landscape, backend = landscape.copy(), landscape.backend(name)
        landscape.backends[name] = learn_pools(backend, session.engine().pools(backend))
        return plan(landscape, wanted)

    return planned


def _able_while_attached(session):
    """Return a function: whether the driver of a Backend may do something with a volume that a host uses."""

    def able_while_attached(backend, what):
        return session.engine().volumes.able_while_attached(backend, what)  # the engine starts for those that ask

    return able_while_attached


def _snapping(session, plan):
    """Return ``plan`` for snapshots: what their driver is known not to take, or could not adopt again once released, is refused also in check mode."""
    able_while_attached = _able_while_attached(session)

    def planned(landscape, wanted):
        operations = plan(landscape, wanted)
        refuse_attached(landscape, operations, able_while_attached)
        for operation in operations:
            if operation.action == "release":
                session.engine().adopting.require_release("snapshot", landscape.backend(operation.backend))
        return operations

    return planned


def ensure_failovers(session, arguments, check, warn):
    """Fail backends over or back: {"backends": [parameters, ...]}."""

    def plan(landscape, wanted):
        operations = plan_failover(landscape, wanted)
        if operations:
            session.engine().replication.require_failover(landscape.backend(wanted.name))
        return operations

    noun = dataclasses.replace(FAILOVER, plan=plan)
    return summarize(noun, _flow(session, noun, check, warn).run(arguments["backends"]))


def _whole_backends(store, landscape, wanted):
    """Return a landscape with all that is on the backends that tasks speak of."""
    landscape = landscape.copy()
    names = {item.name for item in wanted}
    with store.reading() as reader:
        for name in names:
            found = {item.resource.id: item.resource for item in reader.driven_volumes(backend=name)}
            landscape.volumes.update(found)
            landscape.mappings.update((item.resource.id, item.resource) for item in reader.driven_exports(volume_ids=list(found)))
    return landscape


def ensure_images(session, arguments, check, warn):
    """Make image files as wanted: {"images": [parameters, ...]}."""
    return summarize(IMAGE, _flow(session, IMAGE, check, warn).run(arguments["images"]), lambda image, outcome: image.to_record())


def ensure_backends(session, arguments, check, warn):
    """Make backends as wanted: {"backends": [parameters, ...]}. Options are checked also in check mode; only a run probes."""
    with session.store().reading() as reader:
        counts = {backend.name: reader.count_volumes(backend.name) for backend in reader.backends()}
    shared = session.store().engine.url.get_backend_name() == "postgresql"
    told = set()  # what is planned is planned again under the locks

    def plan(landscape, wanted):
        operations = plan_backend(landscape, wanted, counts.get(wanted.name, 0))
        for operation in operations:
            if operation.action != "delete":
                before, new = landscape.backends.get(wanted.name), landscape.after([operation]).backends[wanted.name]
                texts = session.engine().validate(new)
                if shared and getattr(before, "driver", None) != new.driver and not session.engine().works_beside_others(new):
                    texts = [*texts, _ALONE % (new.name, new.driver)]
                for text in texts:
                    if text not in told:
                        told.add(text)
                        warn(text)
        return operations

    noun = Noun(
        "backends",
        WantedBackend.from_params,
        plan,
        lambda landscape, wanted: landscape.backends.get(wanted.name),
        lambda wanted: wanted.name,
    )
    unprobed = {item.get("name") for item in arguments["backends"] if item.get("probe") is False}
    return summarize(noun, _flow(session, noun, check, warn, unprobed).run(arguments["backends"]))


def ensure_repositories(session, arguments, check, warn):
    """Make repositories of backups known as wanted: {"repositories": [parameters, ...]}."""
    return summarize(REPOSITORY, _flow(session, REPOSITORY, check, warn).run(arguments["repositories"]))


def ensure_backups(session, arguments, check, warn):
    """Make, delete or restore backups as wanted: {"backups": [parameters, ...]}."""
    moment = now().isoformat(timespec="seconds") + "Z"
    named = frozenset((item.get("repository"), item.get("name")) for item in arguments["backups"])
    told = set()  # what is planned is planned again under the locks
    able_while_attached = _able_while_attached(session)

    def plan(landscape, wanted):
        operations = plan_backup(landscape, wanted, moment, named)
        refuse_attached(landscape, operations, able_while_attached)
        left = left_by_keep(landscape.after(operations), wanted)
        if left and (wanted.repository, wanted.name) not in told:
            told.add((wanted.repository, wanted.name))
            warn(
                "%s/%s: keep leaves backups that are of an earlier volume of the same name, or of a release that did not tell the two apart: %s. Delete "
                "them by name (state: absent) once nobody needs them." % (wanted.repository, wanted.name, some_of(left))
            )
        return operations

    noun = Noun(
        "backups",
        WantedBackup.from_params,
        plan,
        _find_backup,
        lambda wanted: "%s/%s" % (wanted.repository, wanted.name),
        look=_look_at_backups,
        deletes_in=lambda wanted: wanted.repository,
    )
    outcomes = _flow(session, noun, check, warn).run(arguments["backups"])
    result = summarize(noun, outcomes)
    for item, outcome in zip(result["backups"], outcomes):
        if outcome.params.get("state") == "restored":
            item["volume"] = item.pop("backup")
    return result


def _look_at_backups(store, landscape, wanted):
    """Return a landscape with the deletions that killed runs left in the repositories that tasks speak of, and with what is noted of its volumes."""
    repositories = {item.repository for item in wanted}
    landscape = landscape.copy()
    with store.reading() as reader:
        volumes = reader.driven_volumes(ids=list(landscape.volumes))
        found = [record for record in reader.unsettled() if (record.noun, record.action) == ("backup", "delete") and record.backend in repositories]
    landscape.born = {item.resource.id: item.created_at.isoformat() + "Z" for item in volumes}
    landscape.formats = {item.resource.id: (item.data.get("admin_metadata") or {}).get("format") or "raw" for item in volumes}
    landscape.unsettled.update((record.operation_id, record) for record in found)
    return landscape


def ensure_exports(session, arguments, check, warn):
    """Map volumes to hosts: {"exports": [parameters, ...]}; present ones come back sealed to their host."""
    open_to_all = _open_to_all(session, arguments["exports"])
    outcomes = _flow(session, EXPORT, check, warn).run(arguments["exports"])
    for outcome in outcomes:
        if outcome.error is None and outcome.before is not None and outcome.wanted.fenced and outcome.before.id in open_to_all:
            warn(
                "Volume %s/%s was taken back from %s, but its storage system (%s) lets every host in. A boot of %s connects it there again. See that it "
                "does not come back before a task has detached the volume there."
                % (outcome.before.backend, outcome.before.volume_name, outcome.before.host, open_to_all[outcome.before.id], outcome.before.host)
            )
    with session.store().reading() as reader:
        driven = {
            item.resource.id: item
            for item in reader.driven_exports(ids=[outcome.after.id for outcome in outcomes if outcome.after is not None])
        }
        landscape = reader.landscape({key for outcome in outcomes if outcome.wanted for key in outcome.wanted.touches()})
        foretold = {outcome.after.backend for outcome in outcomes if outcome.after is not None and outcome.after.id not in driven}
        protocols = {backend: reader.protocol(backend) for backend in foretold}

    def show(mapping, outcome):
        size, protocol = landscape.volumes[mapping.volume_id].size, protocols.get(mapping.backend, "")
        return _sealed_export(mapping, outcome.wanted.connector, driven.get(mapping.id), size, protocol)

    result = summarize(EXPORT, outcomes, show)
    for item, outcome in zip(result["exports"], outcomes):
        volume = landscape.volume(outcome.wanted.backend, outcome.wanted.volume) if outcome.wanted else None
        item["volume_id"] = volume.id if volume else None
    return result


def _open_to_all(session, items):
    """Return {export's id: protocol} of exports to fenced hosts, on storage systems that cannot refuse a host that comes back."""
    found = {}
    with session.store().reading() as reader:
        for host in {item.get("host") for item in items if item.get("fenced")}:
            for export in reader.driven_exports(host=host):
                protocol = str(export.data.get("driver_volume_type", "")).lower()
                if protocol in _OPEN_PROTOCOLS:
                    found[export.resource.id] = protocol
    return found


def _sealed_export(mapping, connector, driven, size, protocol):
    connection_info = driven.data if driven else {}
    return Export(
        id=mapping.id,
        backend=mapping.backend,
        volume_id=mapping.volume_id,
        volume_name=mapping.volume_name,
        host=mapping.host,
        size=size,
        protocol=connection_info.get("driver_volume_type", protocol),
        connection_info=redact_connection(connection_info),
        access_mode=mapping.access_mode,
        exported_at=driven.resource.exported_at if driven and mapping.exported_at != ANEW else mapping.exported_at,
        sealed_connection_info=seal(connector.sealing_key, connection_info) if connector and connection_info else None,
    ).to_dict()


def _flow(session, noun, check, warn, unprobed=()):
    store = session.store()
    return Flow(
        noun,
        store,
        session.locks,
        Executor(store, session.engine, session.restic, unprobed, warn=warn),
        lambda landscape, wanted: survey(landscape, wanted, session.restic),
        check,
        warn,
        session.config.operation_timeout,
    )


def _find_backup(landscape, wanted):
    """Return what a task speaks of: the backup, or where one is restored the volume that it replaces."""
    if wanted.state == "restored":
        return landscape.volume(wanted.backend, wanted.volume)
    return landscape.backups.get((wanted.repository, wanted.name))


def _find_export(landscape, wanted):
    volume = landscape.volume(wanted.backend, wanted.volume)
    return volume and landscape.mapping(volume, wanted.host)


def _identities(wanted):
    return identities(wanted.connector.properties) if wanted.connector else ()


VOLUME = Noun(
    "volumes",
    WantedVolume.from_params,
    plan_volume,
    find_volume,
    lambda wanted: "%s/%s" % (wanted.backend, wanted.name),
    look=look_at_offers,
)
SNAPSHOT = Noun(
    "snapshots",
    WantedSnapshot.from_params,
    plan_snapshot,
    lambda landscape, wanted: bearer(landscape.snapshot, wanted),
    lambda wanted: "%s/%s" % (wanted.backend, wanted.name),
)
GROUP_SNAPSHOT = Noun(
    "group_snapshots",
    WantedGroupSnapshot.from_params,
    plan_group_snapshot,
    lambda landscape, wanted: bearer(landscape.group_snapshot, wanted),
    lambda wanted: "%s/%s" % (wanted.backend, wanted.name),
)
FAILOVER = Noun(
    "backends",
    WantedFailover.from_params,
    plan_failover,
    find_failover,
    lambda wanted: wanted.name,
    look=_whole_backends,
    guard=lambda landscape, keys: None,  # it is the one that ends what was begun
    whole_backends=lambda wanted: (wanted.name,),
)
REPOSITORY = Noun(
    "repositories",
    WantedRepository.from_params,
    plan_repository,
    lambda landscape, wanted: landscape.repositories.get(wanted.name),
    lambda wanted: wanted.name,
)
IMAGE = Noun(
    "images",
    WantedImage.from_params,
    plan_image,
    lambda landscape, wanted: landscape.images.get(wanted.path),
    lambda wanted: wanted.path,
    look=look_at_images,
)
EXPORT = Noun(
    "exports",
    WantedExport.from_params,
    plan_export,
    _find_export,
    lambda wanted: "%s/%s on %s" % (wanted.backend, wanted.volume, wanted.host),
    _identities,
)
