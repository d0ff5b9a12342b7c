# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every manifest that can be rendered satisfies the strict schemas of Kubernetes 1.32 to 1.37. A schema says nothing of a cluster's behaviour."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.manifests import chap_secret, persistent_volume, persistent_volume_claim
from ansible_collections.baremetal.legacy_storage.tests.unit.kubernetes import wishes
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")


@pytest.fixture(scope="module", autouse=True)
def fixture_read_schemas_once():
    """Keep schemas in memory: the library reads a megabyte from disk for each check."""
    read, kept = kubernetes_validate.utils.schema_contents, {}

    def remembered(filename, desired_version):
        if filename not in kept:
            kept[filename] = read(filename, desired_version)
        return kept[filename]

    kubernetes_validate.utils.schema_contents = remembered
    yield
    kubernetes_validate.utils.schema_contents = read


def validate(manifest):
    for version in VERSIONS:
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


@settings(max_examples=60, deadline=None)
@given(wishes.wishes())
def test_every_volume_and_every_claim_on_it_is_valid_in_every_version(wish):
    value, keywords = wish
    volume = persistent_volume(value, **keywords)
    validate(volume)
    validate(persistent_volume_claim(volume, **({} if keywords["claim"] else {"name": "data", "namespace": "default"})))


@settings(max_examples=30, deadline=None)
@given(wishes.CREDENTIALS, wishes.REFERENCES, st.just({"tier": "gold"}))
def test_every_secret_is_valid_in_every_version(credentials, target, labels):
    validate(chap_secret(credentials, labels=labels, **target))


def test_the_check_finds_what_is_wrong():
    volume = persistent_volume(wishes.export(), name="data")
    volume["spec"]["iscsi"]["portal"] = "192.0.2.10"
    with pytest.raises(kubernetes_validate.ValidationError, match="portal"):
        validate(volume)


def test_users_need_nothing_of_this_check():
    """The library is a tool of development only: neither galaxy.yml, the requirements, nor any code names it."""
    found = subprocess.run(
        ["grep", "-rliE", "kubernetes.validate", "galaxy.yml", "meta", "plugins", "roles", "playbooks"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (1, "")


def test_manifests_are_plain_data():
    for value, more in ((wishes.export(**wishes.CHAP), {"chap_secret": wishes.SECRET}), (wishes.attachment(), {}), (wishes.SHARE, {"size": 5})):
        volume = persistent_volume(value, name="data", **more)
        assert yaml.safe_load(yaml.safe_dump(volume)) == json.loads(json.dumps(volume)) == volume
