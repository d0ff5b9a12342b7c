# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tools/docs builds the site: Markdown that is as readable on a forge, and the reference that antsibull-docs generates."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parents[2]

project = 'baremetal.legacy_storage'
version = release = yaml.safe_load((ROOT / 'galaxy.yml').read_text(encoding='utf-8'))['version']
extensions = ['myst_parser', 'sphinx_antsibull_ext']
root_doc = 'index'
include_patterns = ['index.rst', 'docs/**', 'reference/**', 'roles/*/README.md']
source_suffix = {'.md': 'markdown', '.rst': 'restructuredtext'}
myst_heading_anchors = 3
pygments_style = 'ansible'
highlight_language = 'YAML+Jinja'
html_theme = 'alabaster'
html_theme_options = {
    'body_max_width': '100%',
    'description': 'Block volumes for bare-metal hosts from any storage system that has a Cinder driver',
    'fixed_sidebar': True,
    'page_width': '1240px',
    'sidebar_width': '250px',
}
html_sidebars = {'**': ['about.html', 'searchfield.html', 'navigation.html']}
html_static_path = ['static']
html_css_files = ['site.css']
html_show_sphinx = False
html_use_index = False
html_copy_source = False
nitpicky = True
# Links to the pages of Ansible itself and of other collections stay text: their inventories are out on the network.
nitpick_ignore_regex = [('.*', r'(?!ansible_collections\.baremetal\.).*')]


class LinkModules(SphinxTransform):
    """Let the name of a module in Markdown lead to its page of the reference."""

    default_priority = 500

    def apply(self, **_kwargs: object) -> None:
        """Wrap each literal that is a module's name, where it is no part of a heading or a link."""
        if self.env.docname.startswith('reference/'):
            return
        for literal in list(self.document.findall(nodes.literal)):
            name = literal.astext().removeprefix('baremetal.legacy_storage.')
            if not re.fullmatch(r'legacy_\w+', name) or not (ROOT / f'plugins/modules/{name}.py').is_file():
                continue
            if any(isinstance(parent, (nodes.title, nodes.reference, addnodes.pending_xref)) for parent in _parents(literal)):
                continue
            link = addnodes.pending_xref(
                '', refdomain='std', reftype='ref', refexplicit=True, refwarn=True, refdoc=self.env.docname,
                reftarget=f'ansible_collections.baremetal.legacy_storage.{name}_module',
            )
            literal.replace_self(link)
            link += literal


def _parents(node: nodes.Node) -> list[nodes.Node]:
    parents = []
    while node.parent is not None:
        node = node.parent
        parents.append(node)
    return parents


def setup(app: Sphinx) -> None:
    """Register what is ours."""
    app.add_transform(LinkModules)
