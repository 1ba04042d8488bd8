"""Sphinx builds a site from README, docs/, and the other pages of the repository."""

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
html_extra_path = ["site"]  # contains index.html, which redirects to README.html
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 3  # anchors work as they do in the repository
nitpicky = True


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add a table of contents with the pages that README links to."""
    if docname == app.config.root_doc:
        pages = dict.fromkeys(
            re.findall(r"\]\(([\w/-]+)\.md\)", source[0].partition("## Documentation")[2])
        )
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", *pages, "```\n"])


def setup(app: Sphinx) -> None:
    """Register `add_contents`. Sphinx calls this function."""
    app.connect("source-read", add_contents)
