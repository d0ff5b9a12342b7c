# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: their order, their time limits, and where the collection lies."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = 'ansible_collections.baremetal.legacy_storage'
LAB_TIMEOUT = 1800

# The quickest first, and what needs the lab last: there the scenarios first, as their first one makes bare hosts what all others need.
ORDER = ('unit', 'contract', 'integration', 'test_quality.py', 'test_lab.py', 'lab')


def _place(item: pytest.Item) -> int:
    first = item.path.relative_to(ROOT / 'tests').parts[0]
    return ORDER.index(first) if first in ORDER else len(ORDER)


def _group(item: pytest.Item) -> str:
    """Return what keeps tests in one process when several run them: the lab's hosts, or what is made once for a file's tests."""
    if item.get_closest_marker('lab'):
        return 'lab'
    made_for = item.callspec.params.get('name', '') if hasattr(item, 'callspec') else ''
    return f'{item.path}-{made_for if item.path.stem in ("test_interrupted", "test_connection_lost") else ""}'


def _leave(signum: int, _frame: object) -> None:
    pytest.exit(f'ended by signal {signum}', returncode=128 + signum)


def pytest_configure(config: pytest.Config) -> None:
    """Stop early where the collection under test would not be this checkout, or processes share the lab; clean up also when asked to end."""
    signal.signal(signal.SIGTERM, _leave)
    if getattr(config.option, 'numprocesses', None) and config.option.dist != 'loadgroup':
        raise pytest.UsageError('tests that belong together would run in several processes: give pytest --dist loadgroup, as make test does')
    try:
        found = importlib.util.find_spec(COLLECTION)
    except ModuleNotFoundError:
        found = None
    places = [Path(place).resolve() for place in (found.submodule_search_locations or ())] if found else []
    if places != [ROOT]:
        raise pytest.UsageError(f'{COLLECTION} is not {ROOT}: run tools/setup, then source tools/env (make test does both)')


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests, mark those that need the lab, give those more time, and leave `extra` ones to those who ask for them."""
    for item in items:
        if item.path.relative_to(ROOT / 'tests').parts[0] == 'lab':
            item.add_marker('lab')
        if item.get_closest_marker('lab') and not item.get_closest_marker('timeout'):
            item.add_marker(pytest.mark.timeout(LAB_TIMEOUT))
    if not config.option.markexpr and not any('::' in argument for argument in config.args):
        left_out = [item for item in items if item.get_closest_marker('extra')]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=_place)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Be sure that xdist saw the groups: two processes must not use the lab's hosts at once."""
    if os.environ.get('PYTEST_XDIST_WORKER'):
        assert all(item.nodeid.endswith('@lab') for item in session.items if item.get_closest_marker('lab')), 'xdist and pytest do not fit together'


@pytest.fixture(scope='session')
def collection_root() -> Path:
    """The checkout's root, which is the collection's root."""
    return ROOT


@pytest.fixture(scope='session')
def prepared() -> set[str]:
    """What was done to the lab's hosts in this run: `site` where site.yml was applied to them, which then need not be done again."""
    return set()


@pytest.fixture(scope='session', name='postgresql')
def fixture_postgresql():
    """Give a PostgreSQL server of its own, for as long as the tests run."""
    from ansible_collections.baremetal.legacy_storage.tests import postgresql

    with postgresql.running() as server:
        yield server
