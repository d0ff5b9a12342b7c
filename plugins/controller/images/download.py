# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images from web servers: a look at the first bytes, and downloads that go on where a broken connection stopped."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from ...module_utils.model.errors import StorageError
from ...module_utils.model.images import shown_location
from ..patience import uncounted
from .files import free_space

TIMEOUT = 30  # seconds without a byte
_ATTEMPTS = 5  # in a row that brought nothing
_TELL_EVERY = 2  # seconds
_CHUNK = 1024**2
_HEAD = 4 * 1024**2  # formats keep their sizes in there
_LIST = 1024**2  # more than any list of checksums


def open_head(image):
    """Return the first bytes of an image, and its whole length or None. Raises StorageError."""
    with _asking(image, image.location, {"Range": "bytes=0-%d" % (_HEAD - 1)}) as response:
        length = _total(response)
        return response.read(_HEAD), length


def read_list(image, location):
    """Return the text of a list of checksums. Raises StorageError."""
    with _asking(image, location, {}, "image_checksum") as response:
        return response.read(_LIST).decode("utf-8", "replace")


@uncounted()
def download(image, path, tell):
    """Download an image over the (empty) file ``path``. Raises StorageError; what was downloaded is worthless then.

    :param tell: called with the percentage (int) where the length is known.
    """
    done, total, tag, failures, told = 0, None, None, 0, None
    with open(path, "r+b") as stream:
        while total is None or done < total:
            headers = {"Range": "bytes=%d-" % done, "If-Range": tag} if done and tag else {}
            before = done
            try:
                with _asking(image, image.location, headers) as response:
                    if response.status != 206:
                        done = 0
                    elif _start(response) != done:
                        raise _failed(image.location, "asked for the rest from byte %d on, the server goes on at byte %s" % (done, _start(response)))
                    total, tag = _total(response), _tag(response)
                    _check_space(path, image, total, done)
                    stream.seek(done)
                    stream.truncate()
                    for chunk in iter(lambda: response.read(_CHUNK), b""):
                        stream.write(chunk)
                        done += len(chunk)
                        if total and (told is None or time.monotonic() - told >= _TELL_EVERY):
                            told = time.monotonic()
                            tell(done * 100 // total)
                if total is None:
                    return
                if done < total:
                    raise http.client.IncompleteRead(b"", total - done)
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                failures = 0 if done > before else failures + 1
                if failures == _ATTEMPTS:
                    raise _failed(image.location, error) from error
                time.sleep(min(failures, 1))
            except OSError as error:  # the file's: the connection's own come as StorageError from _asking, or above
                raise StorageError(
                    "host", "source_image: writing %s failed: %s." % (path, error.strerror or error), "source_image"
                ) from error


def _check_space(path, image, total, done):
    free = free_space(os.path.dirname(path))
    if total is not None and total - done > free:
        raise StorageError(
            "host",
            "source_image: %s has %d bytes, and %s has room for %d. Make room there, or give the image by a path."
            % (image.shown, total, os.path.dirname(path), free),
            "source_image",
        )


@contextlib.contextmanager
def _asking(image, location, headers, parameter="source_image"):
    request = urllib.request.Request(
        location, headers=dict(headers, **{"Accept-Encoding": "identity", "User-Agent": "baremetal.legacy_storage"})
    )
    if image.username is not None and _same_host(location, image.location):
        token = base64.b64encode(("%s:%s" % (image.username, image.password or "")).encode()).decode()
        request.add_unredirected_header("Authorization", "Basic " + token)
    try:
        response = urllib.request.build_opener(_Redirects).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise _failed(location, "%d %s" % (error.code, error.reason), parameter) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, (ConnectionError, TimeoutError)):
            raise error.reason from None
        raise _failed(location, error.reason, parameter) from None
    with response:
        yield response


def _failed(location, why, parameter="source_image"):
    return StorageError("host", "%s: %s cannot be downloaded: %s." % (parameter, shown_location(location), why), parameter)


def _same_host(one, other):
    return urllib.parse.urlsplit(one)[:2] == urllib.parse.urlsplit(other)[:2]


def _start(response):
    """Return the offset at which the part begins that a response is, or None where it does not say so."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return int(found.group(1)) if found else None


def _total(response):
    """Return the length of the whole thing that a response is (a part of), or None."""
    found = re.match(r"bytes \d+-\d+/(\d+)$", response.headers.get("Content-Range") or "")
    if response.status == 206:
        return int(found.group(1)) if found else None
    length = response.headers.get("Content-Length")
    return int(length) if length and length.isdigit() else None


def _tag(response):
    """Return what tells whether the thing is still the same when the download goes on, or None."""
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but not from https to http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if req.type == "https" and not newurl.lower().startswith("https:"):
            raise urllib.error.URLError("it redirects from https to %s" % shown_location(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)
