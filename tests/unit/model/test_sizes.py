# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about sizes."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.sizes import parse_size
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "gib"),
    [
        (10, 10),
        ("10", 10),
        ("10GiB", 10),
        ("10 G", 10),
        ("10g", 10),
        ("10gb", 10),
        (" 10 ", 10),
        ("1TiB", 1024),
        ("1 t", 1024),
        ("1.5TiB", 1536),
        ("2048MiB", 2),
        ("1048576k", 1),
        ("1073741824b", 1),
        ("1P", 1024**2),
        ("1.0", 1),
        (1.0, 1),
        ("0.5TiB", 512),
        ("010", 10),
    ],
)
def test_a_size_may_be_written_in_these_forms(written, gib):
    assert parse_size(written) == gib


@pytest.mark.parametrize(
    "written",
    [0, "0", -1, "-1", 1.5, "1.5", "500MiB", "1.1GiB", "ten", "", " ", "10 X", "10 GiB GiB", "1e3", "0x10", "10,5", "inf", "nan", True, False, None, [], {}],
)
def test_what_is_no_whole_number_of_gib_is_refused_with_parameter_and_value(written):
    with pytest.raises(StorageError) as caught:
        parse_size(written)
    assert (caught.value.code, caught.value.parameter) == ("invalid", "size")
    assert caught.value.message.startswith("size: %r: " % (written,))
    assert "GiB" in caught.value.message


@pytest.mark.parametrize(
    "written", ["9" * 5000, "1." + "0" * 5000, 10**5000, -(10**5000), "9" * 50, str(2**31), 2**31, "2097152P"], ids=lambda written: str(type(written))
)
def test_a_size_beyond_all_measure_is_refused_and_not_repeated(written):
    with pytest.raises(StorageError, match="^size: .*2147483647 GiB") as caught:
        parse_size(written)
    assert (caught.value.code, caught.value.parameter) == ("invalid", "size")
    assert len(caught.value.message) < 200
    assert parse_size(2**31 - 1) == 2**31 - 1


def test_the_refusal_names_the_parameter_that_held_the_size():
    with pytest.raises(StorageError, match="^volumes.size: ") as caught:
        parse_size("x", "volumes.size")
    assert caught.value.parameter == "volumes.size"


@given(st.integers(1, 10**7), st.sampled_from(["", "G", "GB", "GiB", " g", " gib"]))
def test_gib_mean_the_same_in_every_spelling(number, unit):
    assert parse_size("%d%s" % (number, unit)) == number


@given(st.integers(1, 10**7))
def test_large_sizes_are_exact_in_every_unit(number):
    for unit, bytes_each in (("b", 1), ("K", 1024), ("MiB", 1024**2)):
        assert parse_size("%d%s" % (number * 1024**3 // bytes_each, unit)) == number


@given(st.text(max_size=12))
def test_no_text_whatever_makes_it_fail_otherwise(text):
    try:
        assert parse_size(text) >= 1
    except StorageError as error:
        assert error.code == "invalid"
