# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""legacy_attachment's module is documentation only: what it promises and what its action plugin takes must be the same."""

from __future__ import annotations

import yaml
from ansible_collections.baremetal.legacy_storage.plugins.action.legacy_attachment import ARGUMENT_SPEC
from ansible_collections.baremetal.legacy_storage.plugins.modules import legacy_attachment

FACTS = ("type", "required", "default", "choices", "elements")


def facts(option):
    return {key: option[key] for key in FACTS if option.get(key) not in (None, False) or key == "default" and "default" in option}


def test_documentation_and_argument_spec_tell_the_same():
    documented = yaml.safe_load(legacy_attachment.DOCUMENTATION)["options"]
    assert {name: facts(option) for name, option in documented.items()} == {name: facts(option) for name, option in ARGUMENT_SPEC.items()}
    inner = documented["attachments"]["suboptions"]
    assert {name: facts(option) for name, option in inner.items()} == {
        name: facts(option) for name, option in ARGUMENT_SPEC["attachments"]["options"].items()
    }


def test_every_returned_part_of_an_attachment_is_documented():
    documented = yaml.safe_load(legacy_attachment.RETURN)["attachment"]["contains"]
    from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import attaching

    item = attaching.Progress("lab", "data", "present", "no", error="it broke")
    assert set(attaching.to_public(item, "node1")) == set(documented)
