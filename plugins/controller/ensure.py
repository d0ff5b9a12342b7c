# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From wanted things to results: plan the list as a whole, then carry each item out under its locks.

Check mode stops after planning, so it tells exactly what a run would do: the run plans with the same functions.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import traceback
import typing as t

from ..module_utils.model.errors import StorageError
from ..module_utils.plan.settlement import plan_settlement


@dataclasses.dataclass(frozen=True)
class Noun:
    """What the flow needs to know of one noun.

    :param plural: the key of the results' list.
    :param parse: task parameters (dict) to a wanted item.
    :param plan: (landscape, wanted) to operations.
    :param find: (landscape, wanted) to the record a task speaks of, or None.
    :param label: wanted item to the name shown in diffs and messages.
    :param initiators: wanted item to iSCSI initiators whose exports planning must see.
    """

    plural: str
    parse: t.Callable
    plan: t.Callable
    find: t.Callable
    label: t.Callable
    initiators: t.Callable = lambda wanted: ()


class Outcome:
    """What became of one item of the list.

    ``guessed`` marks a check-mode item whose parent does not exist yet: it would change something.
    """

    def __init__(self, params):
        self.params = params
        self.wanted = None
        self.operations = []
        self.before = None
        self.after = None
        self.error = None
        self.guessed = False


class Flow:
    """One request for a list of things of one noun.

    :param locks: a function that returns the Locks.
    :param executor: its ``run`` carries one Operation out, its ``prepare`` is called before the first.
    :param warn: called with a text for each thing a person should know.
    """

    def __init__(self, noun, store, locks, executor, check, warn):
        self._noun = noun
        self._store = store
        self._locks = locks
        self._executor = executor
        self._check = check
        self._warn = warn

    def run(self, items):
        """Return the outcomes of ``items``, a list of parameter dicts, in their order."""
        outcomes = [Outcome(params) for params in items]
        self._parse(outcomes)
        self._foresee(outcomes)
        if not self._check:
            self._carry_out([outcome for outcome in outcomes if outcome.error is None and outcome.operations])
        return outcomes

    def _parse(self, outcomes):
        for outcome in outcomes:
            try:
                outcome.wanted = self._noun.parse(outcome.params)
            except StorageError as error:
                outcome.error = error

    def _refuse_twice(self, outcomes, landscape):
        """Refuse every entry of a thing that is listed twice, also once by name and once by id: which one is meant?"""
        seen = {}
        for outcome in outcomes:
            found = self._noun.find(landscape, outcome.wanted)
            seen.setdefault(getattr(found, "id", None) or self._noun.label(outcome.wanted), []).append(outcome)
        for entries in seen.values():
            if len(entries) > 1:
                names = " and ".join(self._noun.label(outcome.wanted) for outcome in entries)
                message = "%s: %s stand in one list for the same thing. Keep one." % (self._noun.plural, names)
                for outcome in entries:
                    outcome.error = StorageError("invalid", message, self._noun.plural)

    def _foresee(self, outcomes):
        """Plan every item on what the items before it will have made."""
        valid = [outcome for outcome in outcomes if outcome.error is None]
        landscape = self._read(valid)
        self._refuse_twice(valid, landscape)
        for outcome in valid:
            if outcome.error is not None:
                continue
            outcome.before = self._noun.find(landscape, outcome.wanted)
            try:
                outcome.operations, landscape = self._plan(landscape, outcome.wanted)
            except StorageError as error:
                if self._check and error.details.get("parent"):
                    outcome.guessed = (
                        outcome.wanted.state == "present"
                    )  # the parent may be what an earlier task of this very run would make
                    self._warn("Check mode: %s It is taken for something that an earlier task of this run would make." % error.message)
                else:
                    outcome.error = error
            outcome.after = self._noun.find(landscape, outcome.wanted)

    def _read(self, outcomes):
        keys, initiators = set(), set()
        for outcome in outcomes:
            keys |= outcome.wanted.touches()
            initiators.update(self._noun.initiators(outcome.wanted))
        with self._store.reading() as reader:
            return reader.landscape(keys, sorted(initiators))

    def _plan(self, landscape, wanted):
        doomed = self._noun.find(landscape, wanted) if wanted.state == "absent" else None
        settling = plan_settlement(landscape, touched(landscape, wanted), getattr(doomed, "id", None))
        settled = landscape.after(settling)
        operations = self._noun.plan(settled, wanted)
        return settling + operations, settled.after(operations)

    def _carry_out(self, outcomes):
        """Run items side by side, up to max_parallel a backend; an item waits for earlier ones that touch the same things."""
        if not outcomes:
            return
        self._executor.prepare()
        with Pools(self._limits(outcomes)) as pools:
            running = []
            for outcome in outcomes:
                keys = outcome.wanted.touches()
                before = [future for earlier, future in running if earlier & keys]
                future = pools[_backend_of(outcome.wanted)].submit(self._carry_out_one, outcome, before)
                running.append((keys, future))
            for _keys, future in running:
                future.result()

    def _limits(self, outcomes):
        with self._store.reading() as reader:
            known = {backend.name: backend.max_parallel for backend in reader.backends()}
        return {_backend_of(outcome.wanted): known.get(_backend_of(outcome.wanted), 1) for outcome in outcomes}

    def _carry_out_one(self, outcome, before):
        concurrent.futures.wait(before)
        done = []
        try:
            with self._alone_with(outcome) as landscape:
                operations, expected = self._plan(landscape, outcome.wanted)
                for operation in operations:
                    self._executor.run(operation)
                    done.append(operation)
                outcome.after = self._noun.find(self._read([outcome]), outcome.wanted)
        except StorageError as error:
            self._fail(outcome, error)
        except Exception as error:  # a defect in one item must not hide what became of the others
            traceback.print_exc()
            self._fail(outcome, StorageError("internal", "Unexpected %s: %s. Please report it." % (type(error).__name__, error)))
        outcome.operations = done

    @contextlib.contextmanager
    def _alone_with(self, outcome):
        """Hold the locks of what an item touches and yield the landscape as it is by then."""
        landscape = self._read([outcome])
        while True:
            keys = lock_keys(landscape, outcome.wanted)
            with self._locks().hold(keys):
                landscape = self._read([outcome])
                if lock_keys(landscape, outcome.wanted) == keys:  # else a thing named by its id was renamed meanwhile
                    yield landscape
                    return

    def _fail(self, outcome, error):
        outcome.error = error
        with contextlib.suppress(StorageError):  # where the store itself is what failed, what was planned is all there is to show
            outcome.after = self._noun.find(self._read([outcome]), outcome.wanted)


def touched(landscape, wanted):
    """Return the keys whose unsettled operations an item must settle: what it names, and what hangs on those volumes."""
    keys = set(wanted.touches())
    for noun, backend, name in wanted.touches():
        if noun == "snapshot":
            snapshot = landscape.snapshot(backend, name)
            if snapshot:
                keys |= {(kind, backend, snapshot.id) for kind in ("snapshot", "access")}
                keys |= {(kind, backend, snapshot.volume_id) for kind in ("volume", "access")}
            continue
        volume = landscape.volume(backend, name) if noun == "volume" else None
        if volume is None:
            continue
        keys |= {("volume", backend, volume.id), ("export", backend, volume.name), ("access", backend, volume.id)}
        for snapshot in landscape.snapshots_of(volume):
            keys |= {("snapshot", backend, snapshot.id), ("access", backend, snapshot.id)}
    return keys


def lock_keys(landscape, wanted):
    """Return the locks an item needs, each under the thing's name whether the task said name or id.

    A snapshot is locked with its volume, so whoever holds a volume's lock works on its snapshots and exports alone.
    """
    keys = set()
    for noun, backend, name in wanted.touches():
        if noun == "volume":
            volume = landscape.volume(backend, name)
            keys.add((noun, backend, volume.name if volume else name))
        elif noun == "snapshot":
            snapshot = landscape.snapshot(backend, name)
            keys.add((noun, backend, snapshot.name if snapshot else name))
            if snapshot:
                keys.add(("volume", backend, snapshot.volume_name))
        else:
            keys.add((noun, backend, name))
    for record in landscape.unsettled.values():
        if record.action == "migrate":  # whoever settles it works on both backends
            keys |= {("volume", record.arguments[key], record.name) for key in ("from_backend", "to_backend")}
    return keys


def _backend_of(wanted):
    return getattr(wanted, "backend", None) or wanted.name


class Pools(dict):
    """One thread pool a backend: {name: ThreadPoolExecutor}, all ended together."""

    def __init__(self, limits):
        super().__init__({name: concurrent.futures.ThreadPoolExecutor(limit) for name, limit in limits.items()})

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for pool in self.values():
            pool.shutdown(wait=True)
