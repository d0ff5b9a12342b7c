# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running programs that touch a volume: where its storage hangs, so do they, and no signal ends that."""

from __future__ import annotations

import subprocess


def run(*command, limit=60):
    """Run a program and return ``(output, problem)``; ``problem`` is a sentence, ``None`` when it went well.

    :param limit: seconds. A program that hangs is left behind, since waiting for it would hang, too.
    """
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        return "", "%s cannot be run (%s)." % (command[0], error.strerror)
    try:
        output, told = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        return "", "%s did not end within %g s." % (" ".join(command), limit)
    if process.returncode:
        return "", "%s failed: %s." % (" ".join(command), " ".join(told.decode("utf-8", "replace").split()).rstrip(".")[:500])
    return output.decode("utf-8", "replace"), None
