"""What MkDocs does on top for this tree: pages outside docs/ become part of the site.

The pages link to them as `../NAME`, which is right for who reads the Markdown in the tree. In the site they are below
`repository/`.
"""

import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")


def on_files(files, config):
    for name in OUTSIDE:
        files.append(File.generated(config, f"repository/{name}", content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown, page, config, files):
    for name in OUTSIDE:
        markdown = re.sub(rf"\]\(\.\./{re.escape(name)}([#)])", rf"](repository/{name}\1", markdown)
    return markdown
