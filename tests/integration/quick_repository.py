# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real restic repositories whose password costs next to nothing to try, so that tests do not spend most of their time on it.

restic makes a repository's key so that each command works a third of a second on the password. Here the same key is sealed again under the same password,
with scrypt's least parameters. The form is that of restic's design document ("Keys, Encryption and MAC"): nonce, AES-256 in counter mode, Poly1305-AES.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

LEAST = {"N": 2, "r": 1, "p": 1}


def copy_of_one(folder, password):
    """Put an empty repository at ``folder``."""
    shutil.copytree(_made(password).name, folder)


def quicken(folder, password):
    """Let the keys of the repository at ``folder`` be quick to open; with the wrong password nothing opens it any more."""
    for path in (folder / "keys").iterdir():
        key = json.loads(path.read_text())
        data = base64.b64decode(key["data"])
        master = _encrypted(data[16:-16], data[:16], _derived(key, password)[:32])
        key.update(LEAST)
        key["data"] = base64.b64encode(_sealed(master, _derived(key, password))).decode()
        content = json.dumps(key).encode()
        path.unlink()
        (folder / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)


@functools.cache
def _made(password):
    made = tempfile.TemporaryDirectory(prefix="repository-")
    settings = {"RESTIC_REPOSITORY": made.name, "RESTIC_PASSWORD": password, "RESTIC_CACHE_DIR": made.name + "/cache"}
    subprocess.run(["restic", "init", "--quiet", "--no-cache"], env=dict(os.environ, **settings), stdin=subprocess.DEVNULL, check=True, timeout=60)
    quicken(Path(made.name), password)
    return made


def _derived(key, password):
    return hashlib.scrypt(password.encode(), salt=base64.b64decode(key["salt"]), n=key["N"], r=key["r"], p=key["p"], maxmem=256 * 1024**2, dklen=64)


def _encrypted(text, nonce, secret):
    return Cipher(algorithms.AES(secret), modes.CTR(nonce)).encryptor().update(text)


def _sealed(text, derived):
    encrypt, mac_key, mac_mask = derived[:32], derived[32:48], derived[48:]
    nonce = os.urandom(16)
    sealed = _encrypted(text, nonce, encrypt)
    pad = Cipher(algorithms.AES(mac_key), modes.ECB()).encryptor().update(nonce)
    return nonce + sealed + Poly1305.generate_tag(mac_mask + pad, sealed)
