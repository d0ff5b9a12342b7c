# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role awx: its data fits AWX's survey rules, the playbooks, and the modules of awx.awx. No AWX runs here, so nothing is applied to one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

DAILY = "DTSTART:20260101T050000Z RRULE:FREQ=DAILY;INTERVAL=1"
ROLE = {
    "awx_project_scm_url": "https://git.example/storage.git",
    "awx_project_scm_branch": "main",
    "awx_project_credential": "Git",
    "awx_inventory_path": "inventory/hosts.yml",
    "awx_execution_environment_image": "registry.example/legacy-storage:1",
    "awx_credentials": ["Machine", "Vault"],
    "awx_nightly": [{"backend": "pure", "keep": 14}, {"backend": "lvm"}],
    "awx_doctor_rrule": DAILY,
    "awx_schedules": [
        {"playbook": "report", "rrule": DAILY, "variables": {"report_host": "web1", "report_path": "/srv/www/storage.html"}},
        {"playbook": "attachments_listing", "rrule": DAILY, "name": "Listing", "variables": {"listing_file": "/srv/www/attachments.json"}},
    ],
}
KINDS = {
    "controller_execution_environments": "execution_environment", "controller_credential_types": "credential_type", "controller_credentials": "credential",
    "controller_projects": "project", "controller_inventories": "inventory", "controller_inventory_sources": "inventory_source",
    "controller_templates": "job_template", "controller_schedules": "schedule",
}


def apply(folder, check=False, **variables):
    """Run the role on localhost; return (exit code, output, changed tasks)."""
    folder.mkdir(exist_ok=True)
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": [{"role": "baremetal.legacy_storage.awx"}]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    settings = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="0", ANSIBLE_PYTHON_INTERPRETER=sys.executable)
    command = ["ansible-playbook", "-i", "localhost,", "play.yml", "-e", json.dumps(dict(ROLE, **variables)), *["--check"] * check]
    done = subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    changed = re.search(r"changed=(\d+)", done.stdout)
    return done.returncode, done.stdout + done.stderr, int(changed[1]) if changed else None


class Loader(yaml.SafeLoader):
    """Reads YAML as Ansible does where a text is marked as no template."""


Loader.add_constructor("!unsafe", Loader.construct_yaml_str)


def read(folder):
    """Return the data that the role wrote: {kind: list}."""
    data = {}
    for path in folder.glob("*.yml"):
        data.update(yaml.load(path.read_text(), Loader))
    return data


@pytest.fixture(scope="module", name="data")
def fixture_data(tmp_path_factory):
    """What the role writes."""
    folder = tmp_path_factory.mktemp("awx") / "data"
    folder.mkdir()
    code, output, changed = apply(folder.parent / "run", awx_directory=str(folder))
    assert (code, changed) == (0, 1), output
    return read(folder)


def specs_of(playbook):
    """Return what the variables of a playbook may be: {name: specification}, from its own check of them; None where it has none."""
    for play in yaml.safe_load(playbook.read_text()):
        for task in play.get("tasks", []):
            if "ansible.builtin.validate_argument_spec" in task:
                return task["ansible.builtin.validate_argument_spec"]["argument_spec"]
    return None


def documented(playbook):
    """Return the variables that a playbook's head explains."""
    head = playbook.read_text().partition("\n---\n")[0]
    return set(re.findall(r"^#   (\w+) {2,}", head, re.MULTILINE))


def by_playbook(data):
    """Return {playbook: template}."""
    return {template["playbook"].removeprefix("playbooks/").removesuffix(".yml"): template for template in data["controller_templates"]}


def test_the_data_is_that_of_infra_aap_configuration_and_its_objects_refer_to_each_other(data):
    assert set(data) == set(KINDS)
    assert [item["name"] for item in data["controller_execution_environments"]] == ["Legacy storage"]
    types = {item["name"] for item in data["controller_credential_types"]}
    assert {item["credential_type"] for item in data["controller_credentials"]} == types
    known = {"Machine", "Vault"} | {item["name"] for item in data["controller_credentials"]}
    (project,), (inventory,), (source,) = (data[kind] for kind in ("controller_projects", "controller_inventories", "controller_inventory_sources"))
    assert (project["scm_url"], project["credential"], source["source_project"]) == (ROLE["awx_project_scm_url"], "Git", project["name"])
    assert source["inventory"] == inventory["name"]
    for template in data["controller_templates"]:
        assert (template["project"], template["inventory"]) == (project["name"], inventory["name"])
        assert set(template["credentials"]) <= known
        assert template["execution_environment"] == "Legacy storage"
    assert {schedule["unified_job_template"] for schedule in data["controller_schedules"]} <= {item["name"] for item in data["controller_templates"]}
    assert {schedule["name"]: schedule.get("extra_data") for schedule in data["controller_schedules"]} == {
        "Storage: Nightly snapshots of pure": {"nightly_backend": "pure", "nightly_keep": 14},
        "Storage: Nightly snapshots of lvm": {"nightly_backend": "lvm", "nightly_keep": 7},
        "Storage: Doctor": None,
        "Storage: Report": {"report_host": "web1", "report_path": "/srv/www/storage.html"},
        "Storage: Listing": {"listing_file": "/srv/www/attachments.json"},
    }


def test_each_question_is_a_variable_of_its_playbook_and_each_required_variable_is_asked_for(data, collection_root):
    for name, template in by_playbook(data).items():
        playbook = collection_root / "playbooks" / f"{name}.yml"
        asked = {question["variable"]: question for question in (template["survey_spec"] or {}).get("spec", [])}
        specs = specs_of(playbook)
        assert set(asked) <= documented(playbook), name
        if specs is None:
            continue
        assert set(asked) <= set(specs), name
        assert {variable for variable, spec in specs.items() if spec.get("required")} - {"rotate_secrets_file"} <= set(asked), name
        for variable, question in asked.items():
            assert question["required"] == bool(specs[variable].get("required")), variable
            if specs[variable].get("type") == "int":
                assert question["type"] == "integer", variable
            if specs[variable].get("type") == "bool":
                assert (question["type"], question["choices"], question["default"]) == ("multiplechoice", ["yes", "no"], "no"), variable
            if "choices" in specs[variable]:
                assert question["choices"] == specs[variable]["choices"], variable


def test_each_playbook_checks_and_explains_the_same_variables(collection_root):
    checked = 0
    for playbook in sorted((collection_root / "playbooks").glob("*.yml")):
        specs = specs_of(playbook)
        if specs is not None:
            checked += 1
            assert documented(playbook) - {"storage_controller"} == set(specs), playbook.name
    assert checked >= 10


def test_surveys_are_what_awx_accepts(data):
    keys = {"question_name", "question_description", "required", "type", "variable", "min", "max", "default", "choices"}
    for template in data["controller_templates"]:
        assert template["survey_enabled"] == bool(template["survey_spec"])
        if not template["survey_enabled"]:
            continue
        assert set(template["survey_spec"]) == {"name", "description", "spec"}
        variables = [question["variable"] for question in template["survey_spec"]["spec"]]
        assert len(variables) == len(set(variables))
        for question in template["survey_spec"]["spec"]:
            assert set(question) == keys
            assert question["type"] in {"text", "textarea", "integer", "multiplechoice"}, "a password would be in the job's extra variables"
            assert question["question_name"] and re.fullmatch(r"[a-z_]+", question["variable"])
            if question["type"] == "integer":
                assert isinstance(question["default"], int) and question["min"] <= question["default"] <= question["max"]
            else:
                assert isinstance(question["default"], str) and all(isinstance(choice, str) for choice in question["choices"])
            if question["type"] == "multiplechoice":
                assert question["default"] in question["choices"]


def test_secrets_reach_a_job_only_as_a_file(data):
    for kind in data["controller_credential_types"]:
        secret = {field["id"] for field in kind["inputs"]["fields"] if field.get("secret")}
        assert secret == set(kind["inputs"]["required"]) == {field["id"] for field in kind["inputs"]["fields"]}
        told = {name: value for way, values in kind["injectors"].items() if way != "file" for name, value in values.items()}
        assert set(kind["injectors"]["file"].values()) == {"{{ %s }}" % name for name in secret}
        assert told and all(re.fullmatch(r"\{\{ tower\.filename\.\w+ \}\}", value) for value in told.values())
    assert not any("inputs" in credential for credential in data["controller_credentials"])


def test_what_would_be_applied_is_what_the_modules_of_awx_awx_take(data, collection_root):
    pages = json.loads(subprocess.run(
        ["ansible-doc", "--json", *("awx.awx.%s" % module for module in KINDS.values())], capture_output=True, text=True, check=True, timeout=120
    ).stdout)
    tasks = yaml.safe_load((collection_root / "roles/awx/tasks/apply.yml").read_text())[0]["block"]
    applied = {next(key for key in task if key.startswith("awx.awx.")): task for task in tasks}
    assert set(applied) == {"awx.awx.%s" % module for module in KINDS.values()}
    for kind, module in KINDS.items():
        options = pages["awx.awx.%s" % module]["doc"]["options"]
        task = applied["awx.awx.%s" % module]
        assert task["loop"] == "{{ awx_data.%s }}" % kind
        arguments = task["awx.awx.%s" % module]
        for item in data[kind]:
            used = set(item) if isinstance(arguments, str) else set(arguments)
            assert set(item) <= used and used <= set(options), (kind, used - set(options), set(item) - used)
            assert {name for name, option in options.items() if option.get("required")} <= used
            for name, value in item.items():
                expected = {"str": str, "bool": bool, "dict": dict, "list": list, "int": int}[options[name].get("type", "str")]
                assert isinstance(value, expected), (kind, name, value)
                assert "choices" not in options[name] or value in options[name]["choices"], (kind, name)


def test_a_second_run_changes_nothing_and_check_mode_foretells_the_first(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    assert apply(tmp_path / "run", check=True, awx_directory=str(folder))[::2] == (0, 1)
    assert list(folder.iterdir()) == []
    options = {"labels": ["storage"], "survey_enabled": False}
    jobs = ["grow_volume", "nightly_snapshots", "doctor"]
    chosen = {"awx_directory": str(folder), "awx_schedules": [], "awx_job_names": jobs, "awx_template_options": options}
    assert apply(tmp_path / "run", **chosen)[::2] == (0, 1)
    assert sorted(by_playbook(read(folder))) == ["doctor", "grow_volume", "nightly_snapshots"]
    assert all(template["labels"] == ["storage"] and not template["survey_enabled"] for template in read(folder)["controller_templates"])
    assert apply(tmp_path / "run", **chosen)[::2] == (0, 0)


def test_a_directory_that_is_not_there_is_made_and_its_files_are_variables_that_ansible_reads_as_they_were_meant(tmp_path):
    folder = tmp_path / "new" / "data"
    assert apply(tmp_path / "run", check=True, awx_directory=str(folder))[0] == 0
    assert not folder.parent.exists()
    assert apply(tmp_path / "run", awx_directory=str(folder))[0] == 0
    data = read(folder)
    found = tmp_path / "found.json"
    tasks = [{"ansible.builtin.copy": {"content": "{{ [%s] | to_json }}" % ", ".join(sorted(KINDS)), "dest": str(found), "mode": "0600"}}]
    files = sorted(map(str, folder.glob("*.yml")))
    (tmp_path / "use.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars_files": files, "tasks": tasks}]))
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "use.yml", "-e", "ansible_python_interpreter=%s" % sys.executable]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(found.read_text()) == [data[kind] for kind in sorted(KINDS)]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"awx_job_names": ["grow_volumes"]}, "no job for grow_volumes"),
        ({"awx_job_names": ["grow_volume"]}, "awx_job_names leaves it out"),
        ({"awx_schedules": [{"playbook": "reports", "rrule": DAILY}]}, "no job for Storage: reports"),
        ({"awx_schedules": [{"playbook": "attachments_listing", "rrule": DAILY}]}, "attachments_listing needs listing_file among its variables"),
        ({"awx_schedules": [{"playbook": "report", "rrule": DAILY, "variables": {"report_paht": "/a"}}]}, "report asks for no report_paht in its survey"),
        ({"awx_schedules": [{"playbook": "doctor", "rrule": DAILY}]}, "Two schedules have one name"),
        ({"awx_nightly": [{"keep": 3}]}, "backend"),
    ],
)
def test_what_cannot_be_is_refused_naming_it(tmp_path, variables, words):
    code, output, _changed = apply(tmp_path / "run", **variables)
    assert code != 0
    assert words in output
