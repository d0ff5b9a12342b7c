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
import threading
import traceback
import typing as t

from ..module_utils.model.errors import StorageError
from ..module_utils.plan.failover import refuse_stranded
from ..module_utils.plan.settlement import plan_settlement
from .patience import Patience


@dataclasses.dataclass(frozen=True)
class Noun:
    """What the flow needs to know of one noun.

    :param plural: the key of the results' list.
    :param parse: task parameters (dict) to a wanted item.
    :param plan: (landscape, wanted) to operations.
    :param find: (landscape, wanted) to the record a task speaks of, or None.
    :param label: wanted item to the name shown in diffs and messages.
    :param identities: wanted item to names of its host; planning must see every export to a host that has one of them.
    :param look: (store, landscape, wanted items) to the landscape with what stands outside the store.
    :param guard: (landscape, keys) refuses what must not be touched as long as its backend is not where it should be.
    :param whole_backends: wanted item to the backends on which nobody else may change anything meanwhile.
    :param deletes_in: wanted item to the place that a deletion needs for itself, such as a repository of backups, or None. There, deletions wait
        for the rest of the list, and for each other.
    """

    plural: str
    parse: t.Callable
    plan: t.Callable
    find: t.Callable
    label: t.Callable
    identities: t.Callable = lambda wanted: ()
    look: t.Callable = lambda store, landscape, wanted: landscape
    guard: t.Callable = refuse_stranded
    whole_backends: t.Callable = lambda wanted: ()
    deletes_in: t.Callable = lambda wanted: None

    @property
    def singular(self):
        """The key of one item's record."""
        return self.plural[:-3] + "y" if self.plural.endswith("ies") else self.plural[:-1]


class Outcome:
    """What became of one item of the list.

    ``guessed`` marks a check-mode item whose parent does not exist yet: it would change something.
    ``unclear`` marks one that what another task is doing just now stands in the way of: it is planned when that one has given its locks back.
    ``keys`` are the locks it will need, as far as they were known when it was planned: what it has in common with earlier items.
    ``settled`` says that nothing was unsettled then, of no item: else ``keys`` may have locks that only other items need.
    ``sparing`` says which of its operations are carried out: those that spare what others work on (True), the others (False), or all (None).
    ``left`` tells that there were such ones.
    """

    def __init__(self, params):
        self.params = params
        self.wanted = None
        self.keys = frozenset()
        self.settled = False
        self.operations = []
        self.before = None
        self.after = None
        self.error = None
        self.guessed = False
        self.unclear = False
        self.sparing = None
        self.left = False
        self.ended = threading.Event()
        self._guard = threading.Lock()
        self._begun = False

    def rest(self):
        """Return an Outcome for what was left."""
        rest = Outcome(self.params)
        rest.wanted, rest.keys, rest.before, rest.after, rest.sparing = self.wanted, self.keys, self.before, self.after, True
        return rest

    def begin(self):
        """Tell whether work on it may begin: not when nobody waits for it any more."""
        with self._guard:
            self._begun = not self.ended.is_set()
            return self._begun

    def end(self, operations, after, error):
        """Take what came out, unless nobody waits for it any more."""
        with self._guard:
            if not self.ended.is_set():
                self.operations, self.after, self.error = operations, after, error
                self.ended.set()

    def give_up(self, error, begun):
        """Wait for it no longer; with ``begun`` false only if work on it has not begun. Tell whether it was given up."""
        with self._guard:
            if self.ended.is_set() or (self._begun and not begun):
                return False
            self.operations, self.error = [], error
            self.ended.set()
            return True


class Flow:
    """One request for a list of things of one noun.

    :param locks: a function that returns the Locks.
    :param executor: its ``run`` carries one Operation out, its ``prepare`` is called before the first.
    :param survey: (landscape, wanted items) to the landscape with what stands in no store, such as what repositories hold.
    :param warn: called with a text for each thing a person should know.
    :param patience: seconds that an operation may take; 0 for as long as it takes.
    """

    def __init__(self, noun, store, locks, executor, survey, check, warn, patience=0):
        self._noun = noun
        self._store = store
        self._locks = locks
        self._executor = executor
        self._survey = survey
        self._check = check
        self._warn = warn
        self._patience = Patience(patience)

    def run(self, items):
        """Return the outcomes of ``items``, a list of parameter dicts, in their order."""
        outcomes = [Outcome(params) for params in items]
        self._parse(outcomes)
        self._foresee(outcomes)
        if not self._check:
            self._carry_out([outcome for outcome in outcomes if outcome.error is None and (outcome.operations or outcome.unclear)])
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
            outcome.keys = lock_keys(landscape, outcome.wanted)
            outcome.settled = not landscape.unsettled
            try:
                outcome.operations, landscape = self._plan(landscape, outcome.wanted)
            except StorageError as error:
                if self._check and error.details.get("parent"):
                    outcome.guessed = (
                        outcome.wanted.state == "present"
                    )  # the parent may be what an earlier task of this very run would make
                    self._warn("Check mode: %s It is taken for something that an earlier task of this run would make." % error.message)
                elif not self._check and error.details.get("passing"):
                    outcome.unclear = True
                else:
                    outcome.error = error
            outcome.after = self._noun.find(landscape, outcome.wanted)

    def _read(self, outcomes):
        keys, identities = set(), set()
        for outcome in outcomes:
            keys |= outcome.wanted.touches()
            identities.update(self._noun.identities(outcome.wanted))
        with self._store.reading() as reader:
            landscape = reader.landscape(keys, sorted(identities))
        wanted = [outcome.wanted for outcome in outcomes]
        return self._survey(self._noun.look(self._store, landscape, wanted), wanted)

    def _plan(self, landscape, wanted):
        self._noun.guard(landscape, concerned(landscape, wanted))
        doomed = self._noun.find(landscape, wanted) if wanted.state == "absent" else None
        settling = plan_settlement(landscape, touched(landscape, wanted), getattr(doomed, "id", None))
        settled = landscape.after(settling)
        operations = self._noun.plan(settled, wanted)
        return settling + operations, settled.after(operations)

    def _carry_out(self, outcomes):
        """Run all items: what must have a place for itself comes after what others write there, however long that takes."""
        if not outcomes:
            return
        self._executor.prepare()
        last = [outcome for outcome in outcomes if outcome.wanted.state == "absent" and self._noun.deletes_in(outcome.wanted) is not None]
        first = [outcome for outcome in outcomes if outcome not in last]
        for outcome in first:
            outcome.sparing = None if self._noun.deletes_in(outcome.wanted) is None else False
        backends = {outcome: _backends_of(outcome) for outcome in first}
        self._side_by_side(backends, self._limits(backends))
        rests = {outcome: outcome.rest() for outcome in first if outcome.left and outcome.error is None}
        last = [rests.get(outcome, outcome) for outcome in outcomes if outcome in last or outcome in rests]
        repositories = {outcome: {self._noun.deletes_in(outcome.wanted)} for outcome in last}
        self._side_by_side(repositories, dict.fromkeys(set().union(*repositories.values()), 1))
        for outcome, rest in rests.items():
            self._add_rest(outcome, rest)

    def _add_rest(self, outcome, rest):
        outcome.operations = outcome.operations + rest.operations
        if rest.error is None:
            outcome.after = rest.after
        elif rest.error.code == "busy":
            label = self._noun.label(outcome.wanted)
            self._warn("%s is there, but what it is to delete as well was left; the next task like this one does. %s" % (label, rest.error.message))
        else:
            outcome.error = rest.error

    def _side_by_side(self, places, limits):
        """Run items in threads, up to ``limits`` ({place: count}) in each place; an item waits for earlier ones that touch the same things.

        :param places: {Outcome: set of places, in all of which it works at once}: backends, or a repository.
        """
        waiting, running, free, silent = list(places), {}, dict(limits), {}
        before = {outcome: [earlier for earlier in waiting[:number] if earlier.keys & outcome.keys] for number, outcome in enumerate(waiting)}
        threads = concurrent.futures.ThreadPoolExecutor(max(1, min(len(places), sum(limits.values()))))
        try:
            while waiting or running:
                for outcome in list(waiting):
                    if all(free[place] for place in places[outcome]) and all(earlier.ended.is_set() for earlier in before[outcome]):
                        waiting.remove(outcome)
                        free.update((place, free[place] - 1) for place in places[outcome])
                        running[threads.submit(self._carry_out_one, outcome)] = outcome
                for future in concurrent.futures.wait(running, self._patience.left(), concurrent.futures.FIRST_COMPLETED)[0]:
                    free.update((place, free[place] + 1) for place in places[running.pop(future)])
                    future.result()
                self._give_up_late(waiting, running, places, silent)
        finally:
            threads.shutdown(wait=not silent)

    def _give_up_late(self, waiting, running, places, silent):
        """Wait no longer for operations that take too long, nor for what would come after them in their places.

        Their threads cannot be ended, and keep their places. They end with this process, which gives its locks back; the journal keeps what they began.

        :param silent: {place: where an operation does not end, as told}, which this adds to.
        """
        for future, outcome in list(running.items()):
            where = " or ".join(sorted(_backends_of(outcome)))
            if self._patience.is_over(outcome) and outcome.give_up(_too_late(self._noun, outcome, where, self._patience.seconds), True):
                del running[future]
                silent.update(dict.fromkeys(places[outcome], where))
                outcome.after = self._find_now(outcome)
        for outcome in [*waiting, *running.values()]:
            where = next((silent[place] for place in sorted(places[outcome]) if place in silent), None)
            if where is not None and outcome.give_up(_not_tried(self._noun, outcome, where), False):
                outcome.after = self._find_now(outcome)
        waiting[:] = [outcome for outcome in waiting if not outcome.ended.is_set()]

    def _limits(self, backends):
        with self._store.reading() as reader:
            known = {backend.name: backend.max_parallel for backend in reader.backends()}
        return {name: known.get(name, 1) for names in backends.values() for name in names}

    def _carry_out_one(self, outcome):
        if not outcome.begin():
            return
        done, after, failure = [], None, None
        try:
            with self._alone_with(outcome) as landscape:
                operations, expected = self._plan(landscape, outcome.wanted)
                for operation in operations:
                    if outcome.sparing not in (None, operation.spares):
                        outcome.left |= operation.spares
                    elif self._run(outcome, operation, done) == "busy":
                        break  # nor would the others be free
                after = self._noun.find(self._read([outcome]), outcome.wanted)
        except StorageError as error:
            failure = error
        except Exception as error:  # a defect in one item must not hide what became of the others
            traceback.print_exc()
            failure = StorageError("internal", "Unexpected %s: %s. Please report it." % (type(error).__name__, error))
        finally:
            outcome.end(done, after if failure is None else self._find_now(outcome), failure)

    def _run(self, outcome, operation, done):
        """Carry one operation out and add it to ``done``. Return "busy" where what spares others was kept from it by their use of the place."""
        with self._unless_spared(operation) as free:
            if not free:
                return None
            try:
                with self._patience.spent_on(outcome):
                    self._executor.run(operation)
            except StorageError as error:
                if not operation.spares or error.code != "busy":
                    raise
                self._warn(
                    "%s %s/%s is to go, and was left; the next task like this one deletes it. %s"
                    % (operation.noun.capitalize(), operation.backend, operation.name, error.message)
                )
                return "busy"
            done.append(operation)
            return None

    @contextlib.contextmanager
    def _unless_spared(self, operation):
        """Yield whether an operation may be carried out: a thing that the task did not name is left to whoever works on it just now."""
        if not operation.spares:
            yield True
            return
        with self._locks().claim(_key(operation)) as free:
            if not free:
                self._warn(
                    "%s %s/%s is to go, but another task works on it just now, as one that restores it would. It was left; the next task like this "
                    "one deletes it." % (operation.noun.capitalize(), operation.backend, operation.name)
                )
            yield free

    @contextlib.contextmanager
    def _alone_with(self, outcome):
        """Hold the locks of what an item touches and yield the landscape as it is by then."""
        needed = outcome.keys if outcome.settled else lock_keys(self._read([outcome]), outcome.wanted)
        while True:
            keys = needed
            with self._locks().hold(keys, self._noun.whole_backends(outcome.wanted)):
                landscape = self._read([outcome])
                needed = lock_keys(landscape, outcome.wanted)
                if needed == keys:  # else a thing named by its id was renamed meanwhile, or a snapshot of that name is of another volume
                    yield landscape
                    return

    def _find_now(self, outcome):
        try:
            return self._noun.find(self._read([outcome]), outcome.wanted)
        except StorageError:  # where the store itself is what failed, what was planned is all there is to show
            return outcome.after


def touched(landscape, wanted):
    """Return the keys whose unsettled operations an item must settle: what it names, and what hangs on those volumes."""
    named = concerned(landscape, wanted)
    keys = set(named)
    for noun, backend, name in named:
        if noun == "group_snapshot":
            group = landscape.group_snapshot(backend, name)
            for member in group.members if group else ():
                keys |= {("snapshot", backend, member.id), ("access", backend, member.id)}
                keys |= {("volume", backend, member.volume_id), ("access", backend, member.volume_id)}
            keys |= {(noun, backend, group.id)} if group else set()
            continue
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


def concerned(landscape, wanted):
    """Return the keys of what an item names, and of what a killed run may have left open that made a backup or an image of this name."""
    keys = set(wanted.touches())
    return keys | {record.read_from for record in landscape.unsettled.values() if record.read_from and record.key in keys}


def lock_keys(landscape, wanted):
    """Return the locks an item needs, each under the thing's name whether the task said name or id.

    A snapshot is locked with its volume, and a group snapshot with all of its volumes, so whoever holds a volume's lock works on its
    snapshots and exports alone.
    """
    keys = set()
    for noun, backend, name in concerned(landscape, wanted):
        if noun == "volume":
            volume = landscape.volume(backend, name)
            keys.add((noun, backend, volume.name if volume else name))
        elif noun == "snapshot":
            snapshot = landscape.snapshot(backend, name)
            keys.add((noun, backend, snapshot.name if snapshot else name))
            if snapshot:
                keys.add(("volume", backend, snapshot.volume_name))
        elif noun == "group_snapshot":
            group = landscape.group_snapshot(backend, name)
            keys.add((noun, backend, group.name if group else name))
            keys |= {("volume", backend, member.volume_name) for member in group.members} if group else set()
        else:
            keys.add((noun, backend, name))
    for record in landscape.unsettled.values():
        if record.action == "migrate":  # whoever settles it works on both backends
            keys |= {("volume", record.arguments[key], record.name) for key in ("from_backend", "to_backend")}
    return keys


def _key(operation):
    return (operation.noun, operation.backend, operation.name)


def _too_late(noun, outcome, where, seconds):
    return StorageError(
        "interrupted",
        "%s: backend %s has not answered for %g s (operation_timeout), so this was given up. What it did is not known. Run the task again when it "
        "answers: what was begun is settled first." % (noun.label(outcome.wanted), where, seconds),
    )


def _not_tried(noun, outcome, where):
    return StorageError("interrupted", "%s: was not tried, because backend %s does not answer." % (noun.label(outcome.wanted), where))


def _backends_of(outcome):
    """Return the backends (set) that an item works on: its own, and both of a migration, also of one that was killed and that it settles."""
    found = {getattr(outcome.wanted, "backend", None) or outcome.wanted.name}
    if getattr(outcome.wanted, "migrate_to", None):
        found.add(outcome.wanted.migrate_to.backend)
    for operation in outcome.operations:
        found.update(operation.arguments[key] for key in ("from_backend", "to_backend") if operation.arguments.get(key))
    return found
