"""How Sphinx makes a site of README, docs and the other pages of the repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "tap-intercom-access"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "examples/*/README.md", "packages/*/README.md"]
exclude_patterns = [".*", "**/.*", "output", "site"]
html_theme = "furo"
html_title = project
html_extra_path = ["site"]  # index.html, which leads to README.html
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 3  # as on the repository's pages
nitpicky = True


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make README's links to other pages the table of contents, which the pages' own form lacks."""
    if docname == app.config.root_doc:
        pages = dict.fromkeys(
            re.findall(r"\]\(([\w/-]+)\.md\)", source[0].partition("## Documentation")[2])
        )
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", *pages, "```\n"])


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, which calls this."""
    app.connect("source-read", add_contents)
