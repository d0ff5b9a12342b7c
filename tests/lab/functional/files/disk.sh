#!/bin/sh
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is on disks, block devices or files. One line a disk: its size in bytes, and the checksum of its first 8 MiB and of the last one of
# its first GiB, read from the storage and not from memory.
#
#     disk look PATH...     only that
#     disk write PATH...    random data there first
#     disk text PATH...     the same, and 8 MiB between them that can be compressed
#     disk little PATH...   random data in that last MiB first
#     disk end PATH...      random data at the very end first, as a proof that all of the size is there

set -eu
action=$1
shift
size_of() { if [ -b "$1" ]; then blockdev --getsize64 "$1"; else stat -Lc %s "$1"; fi; }
put() { dd if="${4:-/dev/urandom}" of="$1" bs=1M seek="$2" count="$3" oflag=direct conv=notrunc,fsync iflag=fullblock status=none; }
get() { dd if="$1" bs=1M skip="$2" count="$3" iflag=direct status=none; }

for disk in "$@"; do
    [ -e "$disk" ] || { echo "$disk is not there" >&2; exit 1; }
    size=$(size_of "$disk")
    case $action in
        write) put "$disk" 0 8; put "$disk" 1023 1 ;;
        text) put "$disk" 0 8; put "$disk" 1023 1; yes "$disk" | put "$disk" 16 8 /dev/stdin ;;
        little) put "$disk" 1023 1 ;;
        end) put "$disk" $((size / 1048576 - 1)) 1 ;;
    esac
    sum=$({ get "$disk" 0 8; get "$disk" 1023 1; } | sha256sum | cut -d' ' -f1)
    echo "$size $sum"
done
