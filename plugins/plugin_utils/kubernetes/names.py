# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kubernetes accepts as names, labels and quantities (k8s.io/apimachinery: util/validation, api/resource). Pure."""

from __future__ import annotations

import fractions
import math
import re

from ...module_utils.model.errors import invalid

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL)
_DNS_SUBDOMAIN = re.compile(r"%s(?:\.%s)*" % (_LABEL, _LABEL))
_WORD = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_QUANTITY = re.compile(r"\+?(?P<number>\d+\.?\d*|\.\d+)(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2})?")
_ANNOTATIONS = 256 * 1024
_FACTORS = {"": 1, "n": fractions.Fraction(1, 10**9), "u": fractions.Fraction(1, 10**6), "m": fractions.Fraction(1, 1000)}
for _power, _letter in enumerate("kMGTPE", start=1):
    _FACTORS[_letter] = 1000**_power
    _FACTORS[_letter.upper() + "i"] = 1024**_power


def subdomain(value, parameter):
    """Return ``value`` if objects may be called so: RFC 1123 names joined by dots, at most 253 characters. Raises StorageError ``invalid``."""
    return _named(value, parameter, _DNS_SUBDOMAIN, 253, "lower case letters, digits, '-' and '.', beginning and ending with a letter or digit")


def label_name(value, parameter):
    """Return ``value`` if namespaces may be called so: one RFC 1123 name, at most 63 characters. Raises StorageError ``invalid``."""
    return _named(value, parameter, _DNS_LABEL, 63, "lower case letters, digits and '-', beginning and ending with a letter or digit")


def _named(value, parameter, pattern, longest, what):
    if not isinstance(value, str) or len(value) > longest or not pattern.fullmatch(value):
        raise invalid(parameter, value, "is no name that Kubernetes accepts. Use at most %d characters: %s." % (longest, what))
    return str(value)


def key(value, parameter):
    """Return ``value`` if labels and annotations may have that key: a name of at most 63 characters, perhaps behind ``domain/``."""
    prefix, slash, name = str(value).rpartition("/")
    right = isinstance(value, str) and len(name) <= 63 and _WORD.fullmatch(name)
    if not right or (slash and (len(prefix) > 253 or not _DNS_SUBDOMAIN.fullmatch(prefix))):
        raise invalid(parameter, value, "is no key that Kubernetes accepts. Use name or domain/name, the name at most 63 letters, digits, '-', '_' and '.'.")
    return str(value)


def labels(value, parameter):
    """Return a dict of labels with all values as text. Raises StorageError ``invalid``."""
    told = {}
    for name, content in _items(value, parameter):
        content = str(content)
        if content and (len(content) > 63 or not _WORD.fullmatch(content)):
            raise invalid("%s.%s" % (parameter, name), content, "is no value of a label. Use at most 63 letters, digits, '-', '_' and '.', or an annotation.")
        told[key(name, parameter)] = content
    return told


def annotations(value, parameter):
    """Return a dict of annotations with all values as text. Raises StorageError ``invalid``."""
    told = {key(name, parameter): str(content) for name, content in _items(value, parameter)}
    size = sum(len(name.encode("utf-8")) + len(content.encode("utf-8")) for name, content in told.items())
    if size > _ANNOTATIONS:
        raise invalid(parameter, "%d bytes" % size, "is too much: all annotations of an object have 256 KiB together.")
    return told


def _items(value, parameter):
    if value is None:
        return []
    if not isinstance(value, dict):
        raise invalid(parameter, value, "must be a dictionary.")
    for name, content in value.items():
        if isinstance(content, (dict, list, tuple)) or content is None:
            raise invalid("%s.%s" % (parameter, name), content, "must be text.")
    return value.items()


def bytes_of(quantity):
    """Return how many bytes a quantity of Kubernetes (``10Gi``, ``10737418240``, ``10G``, ``1e10``) is, rounded up.

    :raises StorageError: ``invalid`` when it is none.
    """
    match = _QUANTITY.fullmatch(str(quantity))
    if match is None:
        raise invalid("capacity", quantity, "is no quantity of Kubernetes.")
    suffix = match.group("suffix") or ""
    factor = _FACTORS[suffix] if suffix in _FACTORS else fractions.Fraction(10) ** int(suffix[1:])
    return math.ceil(fractions.Fraction(match.group("number")) * factor)
