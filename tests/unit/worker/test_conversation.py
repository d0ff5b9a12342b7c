# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on when worker and module do not understand each other: a clear message, and no hanging."""

from __future__ import annotations

import io
import json
import os
import stat
import sys

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker import client, protocol, serve

HELLO = {"hello": {"protocol": protocol.PROTOCOL, "version": "0.1.0"}}


def lines(*messages):
    return b"".join(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n" for message in messages)


@pytest.fixture(name="speak")
def fixture_speak(tmp_path):
    """A function: let a worker say these lines, then ask it; ``code`` is how it ends, ``listen`` whether it reads what it is told."""

    def speak(*messages, code=0, listen=True, half="controller", arguments=None):
        script, said, config = tmp_path / "worker", tmp_path / "said", tmp_path / "config.json"
        said.write_bytes(lines(*messages))
        script.write_text(
            "#!%s -IS\nimport os, sys\nsys.stderr.write('the reason')\nlisten = %r\nsys.stdin.buffer.readline() if listen else os.close(0)\n"
            "os.write(1, open(%r, 'rb').read())\nos.close(1)\nif listen: sys.stdin.buffer.read()\nsys.stderr.flush()\nos._exit(%d)\n"
            % (sys.executable, listen, str(said), code)
        )
        script.chmod(stat.S_IRWXU)
        config.write_text(json.dumps({"python": str(script)}))
        return client.ask(half, str(config), "volume.list", arguments or {})

    return speak


def refused(expected, call, *args, **kwargs):
    with pytest.raises(StorageError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == expected, caught.value.message
    return caught.value


def test_an_answer_comes_with_the_warnings_before_it(speak):
    answer = speak(HELLO, {"warning": "one"}, {"warning": "two"}, {"result": {"a": 1}})
    assert (answer.result, answer.warnings) == ({"a": 1}, ["one", "two"])


def test_a_refusal_arrives_as_it_was_raised(speak):
    error = StorageError("in_use", "state: no.", "state", {"a": 1})
    assert refused("in_use", speak, HELLO, {"error": error.to_dict()}).to_dict() == error.to_dict()


@pytest.mark.parametrize("hello", [{"hello": {"protocol": 99}}, {"hello": {}}, {"result": {}}])
def test_a_worker_of_another_version_is_told_with_what_to_do(speak, hello):
    error = refused("not_installed", speak, hello)
    assert "speaks protocol" in error.message and "Apply the role" in error.message


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [b"Segmentation fault\n"],
        [b"\xff\xfe\n"],
        [b"[1]\n"],
        [HELLO],
        [HELLO, b"garbage\n"],
        [HELLO, {"warning": "w"}],
        [HELLO, b'{"result": {'],
    ],
    ids=["nothing", "no JSON", "no UTF-8", "no object", "end after hello", "garbage after hello", "end after a warning", "half an answer"],
)
def test_a_worker_that_ends_or_talks_nonsense_is_told_with_its_last_words(speak, messages):
    error = refused("interrupted", speak, *messages, code=3)
    assert "exit 3" in error.message and "Run the task again" in error.message
    assert error.details["stderr"].endswith("the reason")


def test_a_worker_that_ends_before_it_reads_anything_is_told_too(speak):
    error = refused("interrupted", speak, code=7, listen=False)
    assert "exit 7" in error.message


@pytest.mark.parametrize("length", [1, 10**6])
def test_a_worker_that_ends_without_reading_the_request_is_told_too(speak, length):
    assert "exit 1" in refused("interrupted", speak, HELLO, code=1, listen=False, arguments={"text": "x" * length}).message


def test_a_worker_that_is_not_there_is_told_with_what_to_do(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"python": str(tmp_path / "missing")}))
    assert "Apply the role again" in refused("not_installed", client.ask, "controller", str(config), "volume.list", {}).message


@pytest.mark.parametrize(("half", "role", "parameter"), [("controller", "controller", "controller_config"), ("host", "node", "node_config")])
def test_a_machine_without_the_role_is_told_which_role(tmp_path, half, role, parameter):
    error = refused("not_installed", client.ask, half, str(tmp_path / "none.json"), "volume.list", {})
    assert error.parameter == parameter
    assert "baremetal.legacy_storage.%s" % role in error.message and str(tmp_path / "none.json") in error.message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"7", b'"python"', b"\xff"])
def test_a_broken_settings_file_is_told_with_its_name(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    error = refused("invalid", client.ask, "controller", str(path), "volume.list", {})
    assert str(path) in error.message and "controller_config" == error.parameter


def test_a_settings_path_that_is_a_folder_is_told(tmp_path):
    assert str(tmp_path) in refused("invalid", client.ask, "controller", str(tmp_path), "volume.list", {}).message


def answers(*messages):
    """What the worker's side answers to these lines, over pipes that it is handed."""
    output = io.BytesIO()
    serve.serve(io.BytesIO(lines(*messages)), output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_the_worker_greets_and_leaves_when_nobody_asks():
    assert answers() == [{"hello": {"protocol": protocol.PROTOCOL, "version": protocol.VERSION}}]
    assert answers({"hello": {"protocol": 1}}) == [{"hello": {"protocol": protocol.PROTOCOL, "version": protocol.VERSION}}]


def test_whatever_goes_wrong_in_the_worker_reaches_the_task_as_an_error():
    request = {"request": {"verb": "volume.list", "arguments": {}, "check": False}}
    greeting, answer = answers({"hello": {"protocol": 1, "half": "neither", "config": ""}}, request)
    assert answer["error"]["code"] == "internal" and "neither" in answer["error"]["message"]


@pytest.mark.parametrize("message", [{}, {"a": "ü\n\0"}, {"nested": [{"x": None}]}])
def test_a_message_is_one_line_and_arrives_whole(message):
    stream = io.BytesIO()
    protocol.send(stream, message)
    protocol.send(stream, {"second": True})
    assert stream.getvalue().count(b"\n") == 2
    stream.seek(0)
    assert [protocol.receive(stream) for _number in range(3)] == [message, {"second": True}, None]


@pytest.mark.parametrize("line", [b"[]\n", b"7\n", b"null\n", b"{\n", b"\xff\n"])
def test_what_is_no_message_is_refused(line):
    with pytest.raises(ValueError):
        protocol.receive(io.BytesIO(line))


def test_the_worker_leaves_no_descriptor_open(speak):
    before = set(os.listdir("/proc/self/fd"))
    for _number in range(3):
        refused("interrupted", speak, HELLO)
    assert set(os.listdir("/proc/self/fd")) <= before
