# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may rely on about the collection as a whole: it is well-formed, installs, and hides nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

NAME = 'baremetal.legacy_storage'


def run(*command: str | Path, cwd: Path, timeout: int = 540, **variables: str) -> str:
    """Run a command, show what it printed if it fails, and return its standard output."""
    environment = ['env', *(f'{name}={value}' for name, value in variables.items())]
    done = subprocess.run(
        [*environment, *command], cwd=cwd, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )
    if done.returncode:
        words = ' '.join(map(str, command))
        pytest.fail(f'`{words}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}', pytrace=False)
    return done.stdout


def alone(collections: Path) -> dict[str, str]:
    """Give the variables that let Ansible see the collections of one folder and no others, not even this checkout."""
    return {'ANSIBLE_COLLECTIONS_PATH': str(collections), 'PYTHONPATH': ''}


def read_yaml(path: Path) -> dict:
    """Read one YAML file."""
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def read_pins(path: Path) -> dict[str, str]:
    """Read a requirements file in which every line must pin one version."""
    pins = {}
    for line in path.read_text(encoding='utf-8').splitlines():
        requirement = line.partition('#')[0].partition(';')[0].strip()
        if requirement:
            pin = re.fullmatch(r'([\w.-]+)==([\w.]+)', requirement)
            assert pin, f'{path.name}: {line}'
            pins[re.sub(r'[-_.]+', '-', pin[1]).lower()] = pin[2]
    return pins


def modules_of(plugins: Path) -> set[str]:
    """Give the names of the modules in a folder of plugins."""
    return {path.stem for path in (plugins / 'modules').glob('*.py') if path.stem != '__init__'}


@pytest.fixture(scope='session', name='tree')
def fixture_tree(collection_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of what belongs to the collection, committed or not yet."""
    path = run(collection_root / 'tools/snapshot', tmp_path_factory.mktemp('tree'), cwd=collection_root)
    return Path(path.strip())


@pytest.fixture(scope='session', name='installed')
def fixture_installed(collection_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the collection, install the tarball beside what it depends on, and give the folder."""
    work = tmp_path_factory.mktemp('installed')
    tarball = run(collection_root / 'tools/build', work, cwd=collection_root).strip()
    folder = work / 'collections'
    needed = folder / 'ansible_collections'
    needed.mkdir(parents=True)
    for namespace in ('ansible', 'community', 'kubernetes'):  # what galaxy.yml depends on, as a user has it or gets it from Galaxy
        (needed / namespace).symlink_to(Path(os.environ['BLS_COLLECTIONS']) / 'ansible_collections' / namespace)
    run(
        'ansible-galaxy', 'collection', 'install', '--offline', '--collections-path', folder, tarball,
        cwd=work, **alone(folder),
    )
    return folder


def test_ansible_test_sanity_passes(collection_root: Path) -> None:
    """`ansible-test sanity` finds nothing."""
    run(collection_root / 'tools/sanity', cwd=collection_root)


def test_ansible_lint_passes_the_production_profile(collection_root: Path) -> None:
    """`ansible-lint` finds nothing in roles, playbooks and metadata."""
    run(collection_root / 'tools/lint', 'ansible-lint', cwd=collection_root)


def test_python_passes_ruff(collection_root: Path) -> None:
    """`ruff` finds nothing."""
    run(collection_root / 'tools/lint', 'ruff', cwd=collection_root)


def test_shell_scripts_pass_shellcheck(collection_root: Path) -> None:
    """`shellcheck` finds nothing."""
    run(collection_root / 'tools/lint', 'shellcheck', cwd=collection_root)


def test_changelog_fragments_are_valid(tree: Path) -> None:
    """`antsibull-changelog lint` finds nothing."""
    run('antsibull-changelog', 'lint', cwd=tree)


def test_the_site_builds_without_a_warning(collection_root: Path, tmp_path: Path) -> None:
    """`make docs` works, and makes a page for every module and for every Markdown page."""
    run(collection_root / 'tools/docs', tmp_path / 'html', cwd=collection_root)
    pages = {path.name.removesuffix('_module.html') for path in (tmp_path / 'html/reference').glob('*_module.html')}
    assert pages == modules_of(collection_root / 'plugins')
    written = [path.relative_to(collection_root) for path in collection_root.glob('docs/**/*.md')]
    assert not [path for path in written if not (tmp_path / 'html' / path.with_suffix('.html')).is_file()]


def test_every_module_is_in_the_action_group(tree: Path) -> None:
    """`module_defaults` for the group reach every module, and the group names no module that is not there."""
    groups = read_yaml(tree / 'meta/runtime.yml')['action_groups']
    assert set(groups) == {'legacy_storage'}
    assert sorted(groups['legacy_storage']) == sorted(modules_of(tree / 'plugins'))


def test_every_module_of_the_installed_tarball_is_documented(installed: Path) -> None:
    """The tarball installs into an empty folder, and ansible-doc finds and renders each module of the action group there."""
    root = installed / 'ansible_collections/baremetal/legacy_storage'
    wanted = {f'{NAME}.{name}' for name in read_yaml(root / 'meta/runtime.yml')['action_groups']['legacy_storage']}
    listed = json.loads(run('ansible-doc', '--list', '--json', NAME, cwd=installed, **alone(installed)))
    assert set(listed) == wanted
    pages = json.loads(run('ansible-doc', '--json', *sorted(wanted), cwd=installed, **alone(installed)))
    assert set(pages) == wanted
    assert not [name for name, page in pages.items() if not page['doc'] or not page['examples'] or not page['return']]


def test_every_filter_of_the_installed_tarball_is_documented(installed: Path) -> None:
    """ansible-doc finds each filter in the tarball, and renders it with examples and what it returns."""
    root = installed / 'ansible_collections/baremetal/legacy_storage'
    wanted = {f'{NAME}.{path.stem}' for path in (root / 'plugins/filter').glob('*.py')}
    assert wanted
    pages = json.loads(run('ansible-doc', '--type', 'filter', '--json', *sorted(wanted), cwd=installed, **alone(installed)))
    assert set(pages) == wanted
    assert not [name for name, page in pages.items() if not page['doc'] or not page['examples'] or not page['return']]


def test_the_tarball_holds_what_users_need_and_nothing_of_the_workshop(installed: Path) -> None:
    """What works with the collection is inside: plugins, roles, playbooks, licence; tests and the lab stay outside."""
    root = installed / 'ansible_collections/baremetal/legacy_storage'
    inside = {path.name for path in root.iterdir()}
    assert {'LICENSE', 'README.md', 'meta', 'playbooks', 'plugins', 'roles'} <= inside
    assert not {'.ci', '.git', 'build', 'lab', 'tests'} & inside


def test_roles_say_what_they_accept(tree: Path) -> None:
    """Every role has argument specs, a description, and only variables prefixed with its name."""
    for role in sorted(path for path in (tree / 'roles').iterdir() if path.is_dir()):
        path = role / 'meta/argument_specs.yml'
        assert path.is_file(), f'{role.name} has no argument specs'
        specs = read_yaml(path)['argument_specs']
        assert specs['main']['short_description'], role.name
        options = {option for spec in specs.values() for option in spec.get('options') or {}}
        assert not [option for option in options if not option.startswith(f'{role.name}_')], role.name


@pytest.mark.parametrize(('cinder', 'brick'), [('28', '70'), ('29', '71')])
def test_controller_and_node_of_a_release_agree(tree: Path, cinder: str, brick: str) -> None:
    """Controller and node run the same version of every library they share, and every release has what our own code imports."""
    controller = read_pins(tree / f'roles/controller/files/requirements-cinder{cinder}.txt')
    node = read_pins(tree / f'roles/node/files/requirements-osbrick{brick}.txt')
    assert {'cinder', 'cinderlib', 'os-brick'} <= set(controller)
    assert 'os-brick' in node
    assert {name: node[name] for name in node if name in controller} == {name: controller[name] for name in node if name in controller}
    default = read_pins(tree / 'roles/controller/files/requirements-cinder28.txt')
    assert not set(default) - set(controller), 'what the default release has, and this one lacks'


def test_every_release_that_roles_offer_has_its_pins(tree: Path) -> None:
    """Each choice of the roles' variables stands for a list of packages, and each list for a choice."""
    for role, option, stem in (('controller', 'controller_cinder_release', 'cinder'), ('node', 'node_os_brick_release', 'osbrick')):
        choices = read_yaml(tree / f'roles/{role}/meta/argument_specs.yml')['argument_specs']['main']['options'][option]['choices']
        wanted = {f'requirements-{stem}{choice.replace(".", "")}.txt' for choice in choices}
        assert {path.name for path in (tree / f'roles/{role}/files').glob('requirements-*.txt')} == wanted


def test_tests_run_on_the_store_s_own_libraries(tree: Path) -> None:
    """The store's unit tests run on the versions that a controller has by default."""
    controller = read_pins(tree / 'roles/controller/files/requirements-cinder28.txt')
    dev = read_pins(tree / 'tools/requirements-dev.txt')
    store = ('alembic', 'cryptography', 'psycopg', 'psycopg-binary', 'pyyaml', 'sqlalchemy')
    assert {name: dev.get(name) for name in store} == {name: controller.get(name) for name in store}


def test_no_file_holds_merge_markers(tree: Path) -> None:
    """No merge was left half done."""
    marker = re.compile(rb'^(<{7} |={7}$|>{7} )', re.MULTILINE)
    files = run('git', 'ls-files', '-z', cwd=tree).split('\0')[:-1]
    assert not [name for name in files if (tree / name).is_file() and marker.search((tree / name).read_bytes())]
