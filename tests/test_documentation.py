# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader may rely on in the Markdown pages: examples are what the code takes, and quoted messages are what it says."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.redaction import is_secret_key

ROOT = Path(__file__).resolve().parent.parent
NAME = 'baremetal.legacy_storage.'
PAGES = sorted([ROOT / 'README.md', *ROOT.glob('docs/**/*.md'), *ROOT.glob('roles/*/README.md')])
ROLES = {path.parents[1].name: path for path in ROOT.glob('roles/*/meta/argument_specs.yml')}
PLACEHOLDER = re.compile(r'%(?:\(\w+\))?[-.\d]*[srd]|\{\{.*?\}\}', re.DOTALL)
BACKENDS = """
import json, multiprocessing, sys
import cinderlib  # its stand-ins come before any driver
from ansible_collections.baremetal.legacy_storage.plugins.controller.engine import options
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend

def check(item):
    try:
        return options.validate(Backend(**item))
    except StorageError as error:
        return [error.message]

# A process for each: an option that another driver declares must not count.
with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
    print(json.dumps(pool.map(check, json.load(sys.stdin), chunksize=1)))
"""


def fenced(language: str) -> list[tuple[str, str]]:
    """Return ``(where, text)`` of every fenced block of a language in all pages."""
    found = []
    for path in PAGES:
        text = path.read_text(encoding='utf-8')
        for block in re.finditer(rf'^([ ]*)```{language}\n(.*?)^\1```$', text, re.DOTALL | re.MULTILINE):
            line = text.count('\n', 0, block.start()) + 1
            indented = len(block[1])
            found.append((f'{path.relative_to(ROOT)}:{line}', ''.join(part[indented:] for part in block[2].splitlines(keepends=True))))
    return found


EXAMPLES = {where: yaml.safe_load(text) for where, text in fenced('yaml')}


def walk(data: object) -> Iterator[dict]:
    """Yield each dictionary in nested data."""
    if isinstance(data, dict):
        yield data
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from walk(item)


def faults(value: object, spec: dict, label: str) -> Iterator[str]:
    """Yield what is wrong with a value by an option's documented type and choices; a template may become anything."""
    if isinstance(value, str) and '{{' in value:
        return
    kinds = {'str': (str, int, float), 'path': str, 'int': int, 'float': (int, float), 'bool': bool, 'list': list, 'dict': dict}
    if not isinstance(value, kinds.get(spec.get('type', 'str'), object)):
        yield f'{label}: {value!r} is no {spec.get("type", "str")}'
        return
    parts = spec.get('suboptions') or spec.get('options')
    for item in value if isinstance(value, list) else [value]:
        if 'choices' in spec and item not in spec['choices'] and value not in spec['choices']:
            yield f'{label}: {item!r} is none of {spec["choices"]}'
        if parts:
            yield from unknown(item, parts, label)
        elif isinstance(value, list) and 'elements' in spec:
            yield from faults(item, {'type': spec['elements']}, label)


def unknown(given: dict, specs: dict, label: str) -> Iterator[str]:
    """Yield what is wrong with a dictionary of options: names, types, and what is missing."""
    names = {name: spec for key, spec in specs.items() for name in (key, *spec.get('aliases', ()))}
    for key, value in given.items():
        if key in names:
            yield from faults(value, names[key], f'{label}.{key}')
        else:
            yield f'{label}.{key}: no such option'
    for key, spec in specs.items():
        if spec.get('required') and not {key, *spec.get('aliases', ())} & set(given):
            yield f'{label}.{key}: is required'


@pytest.fixture(scope='session', name='documented')
def fixture_documented() -> dict[str, dict]:
    """Give the options of our modules, by full name."""
    names = [NAME + path.stem for path in (ROOT / 'plugins/modules').glob('legacy_*.py')]
    done = subprocess.run(['ansible-doc', '--json', *names], capture_output=True, text=True, check=True, timeout=120)
    return {name: page['doc'].get('options', {}) for name, page in json.loads(done.stdout).items()}


@pytest.fixture(scope='session', name='variables')
def fixture_variables() -> dict[str, dict]:
    """Give the variables of our roles."""
    return {
        name: spec
        for path in ROLES.values()
        for name, spec in yaml.safe_load(path.read_text(encoding='utf-8'))['argument_specs']['main']['options'].items()
    }


def kind_of(data: object) -> str:
    """Tell what an example is. One that is nothing known is a mistake: nobody would check it."""
    first = data[0] if isinstance(data, list) and data else data
    if isinstance(data, list) and all('hosts' in item or 'ansible.builtin.import_playbook' in item for item in data):
        return 'plays'
    if isinstance(data, list) and all(any('.' in key for key in item) for item in data):
        return 'tasks'
    if isinstance(first, dict) and 'alert' in first:
        return 'alerts'
    if isinstance(data, dict) and 'plugin' in data:
        return 'inventory source'
    if isinstance(data, dict) and all(isinstance(group, dict) and 'hosts' in group for group in data.values()):
        return 'inventory'
    if isinstance(data, dict) and all(re.match('|'.join(ROLES), key) for key in data):
        return 'role variables'
    if isinstance(data, dict) and all(key.startswith('nearly_full_') for key in data):
        return 'variables of the rulebook'
    return 'unknown'


def test_each_yaml_example_is_of_a_kind_that_is_checked() -> None:
    """No example stands outside of the other tests here."""
    assert len(EXAMPLES) > 45
    assert not [where for where, data in EXAMPLES.items() if kind_of(data) == 'unknown']


def test_examples_of_plays_and_tasks_pass_ansible_s_syntax_check(tmp_path: Path) -> None:
    """Every play and task list is one that ansible-playbook would begin with: modules, roles and keywords are there."""
    plays = []
    for number, (_where, data) in enumerate(EXAMPLES.items()):
        if kind_of(data) in ('plays', 'tasks'):
            path = tmp_path / f'{number}.yml'
            wrapped = data if kind_of(data) == 'plays' else [{'hosts': 'localhost', 'tasks': data}]
            path.write_text(yaml.safe_dump(wrapped, sort_keys=False), encoding='utf-8')
            plays.append(path)
    command = ['ansible-playbook', '--syntax-check', '-i', 'localhost,', *plays]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert not done.returncode, done.stdout + done.stderr


def test_tasks_in_examples_give_modules_options_that_they_have(documented: dict[str, dict]) -> None:
    """Names, types and choices of what examples give our modules are those of their documentation."""
    seen, wrong = 0, []
    for where, data in EXAMPLES.items():
        for item in walk(data):
            for module in set(item) & set(documented):
                seen += 1
                wrong += unknown(item[module] or {}, documented[module], f'{where} {module}')
    assert seen > 20
    assert not wrong


def test_variables_in_examples_are_the_roles(variables: dict[str, dict]) -> None:
    """Names, types and choices of the roles' variables are those of their argument specs."""
    prefixes = re.compile('(?:%s)_' % '|'.join(ROLES))
    seen, wrong = 0, []
    for where, data in EXAMPLES.items():
        if kind_of(data) in ('plays', 'tasks', 'inventory', 'role variables'):
            for item in walk(data):
                given = {key: value for key, value in item.items() if prefixes.match(key)}
                seen += len(given)
                wrong += [fault for fault in unknown(given, variables, where) if 'is required' not in fault]
    assert seen > 50
    assert not wrong


def test_backends_in_examples_have_the_options_that_cinder_s_drivers_have() -> None:
    """Every driver in an example is there, and takes each of its options with that value, as in the place where it stands."""
    found = [(where, item) for where, data in EXAMPLES.items() for item in walk(data) if 'driver' in item and 'name' in item]
    told = [
        {key: item[key] for key in ('name', 'driver', 'options', 'secret_options') if isinstance(item.get(key), (str, dict)) and '{{' not in item[key]}
        for _where, item in found
        if item['driver'].startswith('cinder.')
    ]
    families = ('lvm', 'nfs', 'rbd', 'netapp', 'pure', 'powerstore', 'powermax', 'unity', 'powerflex', 'powervault', 'hpe_3par', 'nimble', 'hpmsa',
                'storwize', 'ibm_storage', 'hbsd')
    assert not [family for family in families if not any(family in item['driver'] for item in told)]
    wrong = [  # one option that is another vendor's, one of the wrong type, one in the wrong place: the check must see them
        {'name': 'a', 'driver': 'cinder.volume.drivers.pure.PureISCSIDriver', 'options': {'hitachi_pools': ['0']}},
        {'name': 'b', 'driver': 'cinder.volume.drivers.netapp.common.NetAppDriver', 'options': {'netapp_storage_protocol': 'smb'}},
        {'name': 'c', 'driver': 'cinder.volume.drivers.pure.PureISCSIDriver', 'options': {'san_password': 'x'}},
    ]
    done = subprocess.run(
        [os.environ['BLS_CONTROLLER_PYTHON'], '-c', BACKENDS], input=json.dumps(told + wrong), capture_output=True, text=True, check=False, timeout=300,
    )
    assert not done.returncode, done.stderr
    answers = json.loads(done.stdout)
    assert all(answers[len(told):])
    assert not [(item['name'], key) for item in told for key in item.get('options', ()) if is_secret_key(key)], 'these belong under secret_options'
    assert not [(item['name'], answer) for item, answer in zip(told, answers, strict=False) if answer]


def templates() -> list[re.Pattern]:
    """Return a pattern for each text of the code and the roles that has enough words of its own to be a message."""
    texts = set()
    for path in (ROOT / 'plugins').glob('**/*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    for path in [*ROOT.glob('roles/*/tasks/*.yml'), *ROOT.glob('playbooks/*.yml')]:
        for item in walk(yaml.safe_load(path.read_text(encoding='utf-8'))):
            texts |= {str(item[key]) for key in ('fail_msg', 'msg') if key in item}
    patterns = []
    for text in texts:
        parts = [re.escape(' '.join(part.split(' '))) for part in PLACEHOLDER.split(' '.join(text.split()))]
        if len(''.join(PLACEHOLDER.split(text))) >= 20 and '\n\n' not in text:
            patterns.append(re.compile(r'(?:[\w.]+: (?:\S+: )?)?' + '.+?'.join(parts)))
    return patterns


def test_messages_that_troubleshooting_quotes_are_the_code_s_own() -> None:
    """Each quoted message is a text of plugins, roles or playbooks, with values for its placeholders."""
    quoted = [text.strip() for where, text in fenced('text') if 'troubleshooting' in where]
    assert len(quoted) > 25
    known = templates()
    assert not [message for message in quoted if not any(pattern.fullmatch(message) for pattern in known)]
    assert not any(pattern.fullmatch("volume: volume 'data' was eaten by the dog. Buy another one.") for pattern in known)


def test_playbooks_in_commands_exist_and_take_their_variables() -> None:
    """Every command with a playbook of ours names one that is there, and gives it variables that it knows."""
    seen, wrong = set(), []
    for path in PAGES:
        text = re.sub(r'\\\n\s*', '', path.read_text(encoding='utf-8'))
        for line in re.findall(r'^\s{4,}(ansible-playbook .*)$', text, re.MULTILINE):
            words = shlex.split(line, comments=True)
            for name in (word.removeprefix(NAME) for word in words if word.startswith(NAME)):
                playbook = ROOT / f'playbooks/{name}.yml'
                seen.add(name)
                source = playbook.read_text(encoding='utf-8') if playbook.is_file() else ''
                given = [words[place + 1].partition('=')[0] for place, word in enumerate(words) if word == '-e' and '=' in words[place + 1]]
                wrong += [f'{path.name}: {line}' for variable in given or [''] if not source or not re.search(rf'\b{variable}\b', source)]
    assert {'site', 'grow_volume', 'doctor'} <= seen
    assert not wrong


def test_the_tutorial_s_commands_can_read_the_vault_that_it_makes() -> None:
    """From the vault on, whatever Ansible is started for has the vault's password: the file is read with the variables of the hosts."""
    text = (ROOT / 'docs/tutorial.md').read_text(encoding='utf-8')
    made, asked = text.index('ansible-vault create'), text.index('export ANSIBLE_ASK_VAULT_PASS=true')
    commands = [found.start() for found in re.finditer(r'^ {4}ansible-playbook ', text, re.MULTILINE)]
    assert len(commands) > 5
    assert made < asked < min(commands)
