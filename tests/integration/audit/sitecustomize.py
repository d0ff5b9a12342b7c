# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python imports this at its start: it writes every command line that the process starts into the file that BLS_TEST_ARGV names."""

from __future__ import annotations

import os
import sys

_EVENTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system")


def _note(event, arguments):
    if event in _EVENTS:
        with open(os.environ["BLS_TEST_ARGV"], "a", encoding="utf-8", errors="replace") as log:
            log.write("%s %r\n" % (event, arguments[:2]))


if os.environ.get("BLS_TEST_ARGV"):
    sys.addaudithook(_note)
