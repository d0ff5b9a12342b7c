# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From outcomes to what a task returns. Pure."""

from __future__ import annotations

from ..module_utils.plan.difference import collect


def summarize(noun, outcomes, show=None):
    """Return a task's result (dict) for the Outcomes of a list.

    One failed item fails the task; the others' results stand beside it.

    :param show: (record, outcome) to what the item's own key holds; by default the record as people may see it.
    """
    results = [_item(noun, outcome, show) for outcome in outcomes]
    shown = [outcome for outcome in outcomes if outcome.wanted is not None and outcome.before != outcome.after]
    result = {
        "changed": any(item["changed"] for item in results),
        noun.plural: results,
        "diff": collect(
            (noun.label(outcome.wanted), _public(outcome.before), _public_after(outcome.before, outcome.after)) for outcome in shown
        ),
    }
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors:
        more = (
            "" if len(outcomes) == 1 else " (%d of %d %s failed; each one's own msg says why)" % (len(errors), len(outcomes), noun.plural)
        )
        result.update(failed=True, msg=errors[0].message + more, error=errors[0].to_dict())
    return result


def _item(noun, outcome, show):
    record = outcome.after
    if record is not None:
        record = show(record, outcome) if show else _public(record)
    item = {
        "name": outcome.params.get("name") or outcome.params.get("path") or outcome.params.get("volume"),
        "changed": bool(outcome.operations) or outcome.guessed,
        "operations": [operation.to_public() for operation in outcome.operations],
        noun.singular: record,
    }
    if outcome.error is not None:
        item.update(failed=True, msg=outcome.error.message, error=outcome.error.to_dict())
    return item


def _public(record):
    return None if record is None else record.to_public()


def _public_after(before, after):
    if before is not None and after is not None and hasattr(after, "to_public_after"):
        return after.to_public_after(before)
    return _public(after)
