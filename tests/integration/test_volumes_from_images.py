# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about volumes made from images: verified, of the right size, or not there at all; and no image reads the controller's files."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import functools
import hashlib
import http.server
import threading
import time

import pytest

from .test_images import GIB, same, write_marks
from .test_images import subprocess as shell

PASSWORD = "canary-url-password"


def qemu_img(*arguments):
    shell.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True, timeout=60)


@pytest.fixture(name="content")
def fixture_content(tmp_path):
    """A disk of 1 GiB, raw, with bytes here and there."""
    path = tmp_path / "content.raw"
    with open(path, "wb") as stream:
        stream.truncate(GIB)
    write_marks(path)
    return path


@pytest.fixture(name="qcow2")
def fixture_qcow2(tmp_path, content):
    """The same as a qcow2 image."""
    path = tmp_path / "web" / "disk.qcow2"
    path.parent.mkdir()
    qemu_img("convert", "-f", "raw", "-O", "qcow2", content, path)
    return path


def checksum(path, algorithm="sha256"):
    return "%s:%s" % (algorithm, hashlib.new(algorithm, path.read_bytes()).hexdigest())


def volume(controller, check=False, **parameters):
    """Ensure the volume ``new`` from an image and return its item of the result."""
    parameters = {"backend": "one", "name": "new", **{key: str(value) for key, value in parameters.items()}}
    return controller.ensure("volume", check, **parameters)["volumes"][0]


def made(controller, **parameters):
    """Return (the volume, where it lies)."""
    found = volume(controller, **parameters)
    assert not found.get("failed"), found["msg"]
    assert controller.unsettled() == [] and not list((controller.root / "state" / "downloads").glob("*"))
    return found["volume"], controller.path_of("volume", found["volume"]["id"])


def refused(controller, foreseen=True, **parameters):
    """Return why a volume is refused, seeing to it that nothing is left; where it can be ``foreseen``, check mode says the same."""
    if foreseen:
        told = volume(controller, check=True, **parameters)
        assert told["failed"], told
    before = controller.look()
    found = volume(controller, **parameters)
    assert found["failed"] and found["volume"] is None
    assert not foreseen or told["msg"] == found["msg"]
    assert controller.look()[1] == before[1]
    assert controller.unsettled() == [] and controller.ask("volume.list", {})["volumes"] == []
    assert not list((controller.root / "state").glob("downloads/*"))
    return found["msg"]


class Server(http.server.BaseHTTPRequestHandler):
    """Serves a folder's files, with parts, tags and a password if told so; can break connections off."""

    folder = None
    breaks_after = None
    shifts = 0  # bytes by which a part begins before what was asked for
    password = None
    waits = None  # an Event that a download waits for after two MiB
    requests = []

    def do_GET(self):
        type(self).requests.append((self.path, dict(self.headers)))
        path = self.folder / self.path.partition("?")[0].lstrip("/")
        if self.password and self.headers.get("Authorization") != "Basic " + base64.b64encode(("me:" + self.password).encode()).decode():
            self.send_error(401)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        part = self.headers.get("Range")
        first, _dash, last = part.partition("=")[2].partition("-") if part else ("0", "", "")
        first = str(int(first) - self.shifts * (int(first) > 0))
        chosen = data[int(first) : int(last) + 1 if last else None]
        self.send_response(206 if part else 200)
        if part:
            self.send_header("Content-Range", "bytes %s-%d/%d" % (first, int(first) + len(chosen) - 1, len(data)))
        self.send_header("Content-Length", str(len(chosen)))
        self.send_header("ETag", '"%s"' % hashlib.sha256(data).hexdigest())
        self.end_headers()
        if self.waits is None or part == "bytes=0-4194303":
            self.wfile.write(chosen[: self.breaks_after] if self.breaks_after else chosen)
            return
        self.wfile.write(chosen[: 2 * 1024**2])
        self.waits.wait(60)
        self.wfile.write(chosen[2 * 1024**2 :])

    def log_message(self, *arguments):
        pass


@pytest.fixture(name="web")
def fixture_web(qcow2, monkeypatch):
    """A web server (class Server, with ``url``) that serves the folder of the qcow2 image."""
    with serving(qcow2.parent, monkeypatch) as handler:
        yield handler


@contextlib.contextmanager
def serving(folder, monkeypatch):
    """Yield a web server (class Server, with ``url``) that serves a folder."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    handler = type("Handler", (Server,), {"folder": folder, "requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        handler.url = "http://127.0.0.1:%d/" % server.server_address[1]
        try:
            yield handler
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("algorithm", [None, "sha256", "sha512"])
def test_a_file_becomes_a_volume(controller, content, qcow2, algorithm):
    given = {"image_checksum": checksum(qcow2, algorithm)} if algorithm else {}
    found, path = made(controller, source_image=qcow2, **given)
    assert same(content, path) and path.stat().st_size == GIB
    assert (found["size"], found["status"]) == (1, "available")
    assert found["source"] == {"kind": "image", "name": str(qcow2), "id": checksum(qcow2, algorithm or "sha256")}


@pytest.mark.parametrize("form", ["vmdk", "vhdx", "vdi", "vpc"])
def test_other_formats_are_told_by_their_content(controller, content, tmp_path, form):
    path = tmp_path / "disk.img"
    qemu_img("convert", "-f", "raw", "-O", form, content, path)
    found, made_at = made(controller, source_image=path)
    assert found["size"] == (2 if form == "vpc" else 1), "a VHD rounds its size up"
    assert same(content, made_at)


def test_a_raw_image_of_any_length_becomes_a_larger_volume(controller, tmp_path):
    path = tmp_path / "small.raw"
    path.write_bytes(b"not a multiple of a sector" * 1000)
    found, made_at = made(controller, source_image=path, size=2)
    with open(made_at, "rb") as stream:
        assert stream.read(27000).rstrip(b"\0") == path.read_bytes()
    assert made_at.stat().st_size == 2 * GIB and found["size"] == 2


def test_a_url_becomes_a_volume(controller, content, qcow2, web):
    (qcow2.parent / "SHA256SUMS").write_text("%s *other\n%s *disk.qcow2\n" % ("0" * 64, checksum(qcow2).partition(":")[2]))
    url = web.url + "disk.qcow2?X-Signature=canary-token"
    foreseen = volume(controller, check=True, source_image=url, image_checksum="sha256:%sSHA256SUMS" % web.url)
    found, path = made(controller, source_image=url, image_checksum="sha256:%sSHA256SUMS" % web.url)
    assert same(content, path)
    assert found["source"] == {"kind": "image", "name": web.url + "disk.qcow2", "id": checksum(qcow2)}
    assert foreseen["volume"]["size"] == 1, "told by the first bytes"
    assert "canary-token" not in controller.dump() + repr(found)
    count = len(web.requests)
    again = volume(controller, source_image=web.url + "disk.qcow2?X-Signature=another", image_checksum=checksum(qcow2))
    assert not again["changed"] and len(web.requests) == count, "a second run does not even ask the server"


def test_a_download_goes_on_where_a_broken_connection_stopped(controller, content, qcow2, web):
    web.breaks_after = qcow2.stat().st_size // 3
    _found, path = made(controller, source_image=web.url + "disk.qcow2", image_format="qcow2")
    assert same(content, path)
    parts = [headers.get("Range") for _path, headers in web.requests][-3:]
    assert parts[1:] == ["bytes=%d-" % web.breaks_after, "bytes=%d-" % (2 * web.breaks_after)]


def test_a_server_that_goes_on_elsewhere_than_it_was_asked_to_makes_no_volume(controller, qcow2, web):
    web.breaks_after, web.shifts = qcow2.stat().st_size // 3, 512
    assert "goes on at byte" in refused(controller, foreseen=False, source_image=web.url + "disk.qcow2", image_format="raw")


def test_progress_of_a_download_is_told(controller, tmp_path, web):
    path = web.folder / "disk.raw"
    with open(path, "wb") as stream:
        stream.truncate(8 * 1024**2)
    web.waits = threading.Event()
    task = threading.Thread(target=volume, args=(controller,), kwargs={"source_image": web.url + "disk.raw"})
    task.start()
    try:
        deadline, doing = time.monotonic() + 60, []
        while not (doing and doing[0]["step"].startswith("downloading")) and time.monotonic() < deadline:
            time.sleep(0.05)
            doing = [item for found in controller.ask("volume.list", {})["volumes"] for item in found["in_progress"]]
    finally:
        web.waits.set()
        task.join()
    assert [(item["action"], item["step"]) for item in doing] == [("create", "downloading 12 %")]
    assert controller.ask("volume.list", {})["volumes"][0]["in_progress"] == []


def test_a_server_that_wants_a_password(controller, content, web):
    web.password = PASSWORD
    assert "401" in refused(controller, source_image=web.url + "disk.qcow2")
    assert "Give them as image_url_username" in refused(
        controller, source_image=web.url.replace("//", "//me:%s@" % PASSWORD) + "disk.qcow2"
    )
    task = {"source_image": web.url + "disk.qcow2", "image_url_username": "me", "image_url_password": PASSWORD}
    played = controller.play([{"legacy_volume": dict(task, backend="one", name="new")}], arguments=["-vvv"])
    assert played[0].status == "ok", played.output
    assert PASSWORD not in played.output + controller.dump()


def test_an_unreachable_server_and_a_missing_file(controller, web):
    assert "404" in refused(controller, source_image=web.url + "none")
    assert "Connection refused" in refused(controller, source_image="http://127.0.0.1:1/disk")
    assert volume(controller, check=True, source_image="/none/disk.qcow2")["changed"], "an earlier task may make it"
    assert "there is no file /none/disk.qcow2" in refused(controller, foreseen=False, source_image="/none/disk.qcow2")


@pytest.mark.parametrize("where", ["file", "url"])
def test_a_wrong_checksum_makes_no_volume(controller, qcow2, web, where):
    image = qcow2 if where == "file" else web.url + "disk.qcow2"
    said = refused(controller, foreseen=False, source_image=image, image_checksum="sha256:" + "0" * 64)
    assert checksum(qcow2).partition(":")[2] in said and "0" * 64 in said
    assert "create_volume" not in [method for _moment, _what, method in controller.calls()], "found out before the array was asked"


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_an_image_that_changes_after_its_checksum_was_verified_makes_no_volume(controller, qcow2, tmp_path, how):
    other = tmp_path / "other.qcow2"
    qemu_img("create", "-f", "qcow2", other, "1G")

    def replace():
        deadline = time.monotonic() + 30
        while ("begin", "create_volume") not in [call[1:] for call in controller.calls()] and time.monotonic() < deadline:
            time.sleep(0.02)
        other.rename(qcow2) if how == "replaced" else qcow2.unlink()

    with controller.fault("create_volume", "sleep 0.7"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace)
        found = volume(controller, source_image=qcow2, image_checksum=checksum(qcow2))
        replacing.result()
    assert "changed while it was read" in found.get("msg", ""), found
    assert (found["volume"], controller.ask("volume.list", {})["volumes"], controller.unsettled()) == (None, [], [])


def test_a_list_of_checksums_that_does_not_tell_is_refused(controller, qcow2, tmp_path):
    (tmp_path / "SUMS").write_text("nothing\n")
    assert "tells no sha256 digest of disk.qcow2" in refused(
        controller, foreseen=False, source_image=qcow2, image_checksum="sha256:%s" % (tmp_path / "SUMS")
    )
    assert "64 hexadecimal digits" in refused(controller, source_image=qcow2, image_checksum="sha256:12")
    assert "algorithms sha256, sha384, sha512" in refused(controller, source_image=qcow2, image_checksum="md5:12")


def test_a_volume_too_small_is_refused(controller, tmp_path):
    path = tmp_path / "big.qcow2"
    qemu_img("create", "-f", "qcow2", path, str(2 * GIB + 512))
    assert "smaller than the source image" in refused(controller, source_image=path, size=2)
    assert made(controller, source_image=path)[0]["size"] == 3


def test_an_image_that_refers_to_other_files_is_refused(controller, tmp_path):
    """CVE-2024-32498: whoever converts such an image copies the controller's files into a volume."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"canary" * 1000)
    qemu_img("create", "-f", "qcow2", "-b", secret, "-F", "raw", tmp_path / "backing.qcow2")
    qemu_img("create", "-f", "qcow2", "-o", "data_file=%s,data_file_raw=on" % (tmp_path / "data-file"), tmp_path / "data.qcow2", "1M")
    (tmp_path / "extent.vmdk").write_text(
        '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 8 FLAT "%s" 0\n' % secret
    )
    for name, form in (("backing.qcow2", "qcow2"), ("data.qcow2", "qcow2"), ("extent.vmdk", "vmdk")):
        for given in ({}, {"image_format": form}):
            said = refused(controller, source_image=tmp_path / name, **given)
            assert "refers to other files" in said or "cannot be understood" in said, (name, said)


def test_an_image_that_is_two_formats_at_once_is_refused(controller, qcow2, tmp_path):
    path = tmp_path / "both"
    data = bytearray(qcow2.read_bytes())
    data[32769 : 32769 + 5] = b"CD001"
    path.write_bytes(data)
    assert "several formats at once (iso, qcow2)" in refused(controller, source_image=path)


def test_a_packed_image_is_not_taken_for_a_raw_one_unless_told(controller, tmp_path):
    path = tmp_path / "disk.gz"
    path.write_bytes(b"\x1f\x8b" + b"packed" * 1000)
    assert "packed with gzip" in refused(controller, source_image=path)
    made(controller, source_image=path, image_format="raw")


def test_an_image_is_what_the_task_says_it_is_or_refused(controller, qcow2, content, tmp_path):
    assert "is not what" in refused(controller, source_image=qcow2, image_format="vmdk")
    assert "nothing in it says so" in refused(controller, source_image=content, image_format="qcow2")
    _found, path = made(controller, source_image=qcow2, image_format="raw")
    with open(path, "rb") as stream:
        assert stream.read(4) == b"QFI\xfb", "byte by byte, since the task says raw"


def test_what_one_item_of_a_list_says_of_an_image_is_not_taken_for_what_another_says(controller, qcow2):
    items = [dict(image_format=form, name=form or "any", backend="one", source_image=str(qcow2)) for form in (None, "raw", "vmdk")]
    foreseen = controller.ask("volume.ensure", {"volumes": items}, check=True)["volumes"]
    found = controller.ask("volume.ensure", {"volumes": items})["volumes"]
    for results in (foreseen, found):
        assert [item.get("failed", False) for item in results] == [False, False, True], results
        assert "image_format: 'vmdk'" in results[2]["msg"]
    assert not same(controller.path_of("volume", found[0]["volume"]["id"]), controller.path_of("volume", found[1]["volume"]["id"]))


def test_another_image_of_an_existing_volume_is_refused(controller, qcow2, tmp_path):
    made(controller, source_image=qcow2, image_checksum=checksum(qcow2))
    moved = tmp_path / "moved.qcow2"
    qcow2.rename(moved)
    assert not volume(controller, source_image=qcow2)["changed"], "an existing volume's image need not be there"
    assert not volume(controller, source_image=moved, image_checksum=checksum(moved))["changed"], "the same content from elsewhere"
    for given in ({"source_image": moved}, {"source_image": qcow2, "image_checksum": "sha256:" + "0" * 64}, {"source_volume": "other"}):
        found = volume(controller, **given)
        assert found["failed"] and "exists already and was created from image" in found["msg"]
    grown = volume(controller, source_image=qcow2, size=2)
    assert [line["action"] for line in grown["operations"]] == ["extend"]


def test_a_failure_that_cannot_be_taken_back_is_taken_back_by_the_next_task(controller, content, qcow2):
    with controller.fault("initialize_connection", "no path to the host"):
        found = volume(controller, source_image=qcow2)
    assert "no path to the host" in found["msg"] and "the next task that names it tries again" in found["msg"]
    assert sorted(controller.unsettled()) == [("access", "open", "new"), ("volume", "create", "new")]
    foreseen = volume(controller, check=True, source_image=qcow2)
    found = volume(controller, source_image=qcow2)
    assert [line["action"] for line in found["operations"]] == ["close", "undo_create", "create"]
    assert found["operations"] == foreseen["operations"]
    assert same(content, controller.path_of("volume", found["volume"]["id"])) and controller.unsettled() == []


def test_an_array_that_cannot_delete_what_failed_keeps_it_in_the_journal(controller, qcow2):
    with controller.fault("create_volume", "no room on the array"):
        assert "no room on the array" in refused(controller, foreseen=False, source_image=qcow2)


def test_parameters_without_effect_are_refused(controller, qcow2):
    assert "has no effect without source_image" in refused(controller, size=1, image_checksum=checksum(qcow2))
    assert "exclude each other" in refused(controller, source_volume="a", source_image=qcow2)
    assert "absolute path on the controller, or an http" in refused(controller, source_image="ftp://example.com/a")
