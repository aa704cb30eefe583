"""The documentation against the tree: settings, commands, options and links. (`make docs` checks the site.)"""

from __future__ import annotations

import importlib.util
import re

import pytest
import runmodes

ROOT = runmodes.ROOT
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def rows(page: str) -> set[str]:
    """The settings that have a row in a page's tables."""
    return set(re.findall(r"^\| `(PYSTON\w*)` \|", (ROOT / page).read_text(), re.M))


def settings_in_code() -> set[str]:
    engine = (ROOT / "src/engine/eng_settings.c").read_text()
    table = engine[engine.index("} variables[] = {") :]
    found = set(re.findall(r'\{"(PYSTON\w*)", set_', table))
    for path in ROOT.glob("src/**/*.c"):
        found |= set(re.findall(r'getenv\("(PYSTON\w*)"\)', path.read_text()))
    return found


def test_every_setting_is_on_the_page():
    code = settings_in_code()
    assert len(code) > 8 and "PYSTON_THRESHOLD" in code
    assert rows("docs/settings.md") == code


def test_doctor_knows_every_setting():
    spec = importlib.util.spec_from_file_location("cmd_settings", ROOT / "src/module/pyston/cmd_settings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert set(module.SETTINGS) == settings_in_code()


def test_defaults_are_those_of_the_code():
    limits = (ROOT / "src/engine/eng_limits.h").read_text()
    settings = (ROOT / "src/engine/eng_settings.c").read_text()
    threshold = re.search(r"#define ENG_THRESHOLD +(\d+)u", limits)[1]
    default, most = (re.search(rf"#define CODE_LIMIT_{name} +(\d+)u", settings)[1] for name in ("DEFAULT", "MOST"))
    lines = {
        line.split("`")[1]: line for line in (ROOT / "docs/settings.md").read_text().splitlines() if "| `P" in line
    }
    assert f"| {threshold};" in lines["PYSTON_THRESHOLD"]
    assert f"from 1 to {most} | {default} |" in lines["PYSTON_CODE_LIMIT"]


@pytest.mark.parametrize("command", ["doctor", "run", "bench", "stats"])
def test_every_option_is_on_the_page(pyston3, command):
    page = (ROOT / "docs/commands.md").read_text()
    section = re.search(rf"^## {command}\n(.*?)(^## |\Z)", page, re.M | re.S)[1]
    options = set(re.findall(r"^  (--[a-z]+)", pyston3("-m", "pyston", command, "--help").ok, re.M))
    assert options and all(f"`{option}" in section for option in options), options


def anchors(text: str) -> set[str]:
    """The anchors that GitHub and MkDocs make of headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.replace("`", "")).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page):
    """Every relative link leads to a file and a heading, in the Markdown as it lies in the tree."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text()), target


def test_every_page_is_in_the_site():
    """And linked from the front page, but for the front page and what lies in folders."""
    site, index = (ROOT / "mkdocs.yml").read_text(), (ROOT / "docs/index.md").read_text()
    for page in (ROOT / "docs").glob("**/*.md"):
        name = str(page.relative_to(ROOT / "docs"))
        assert f": {name}\n" in site, name
        assert "/" in name or name == "index.md" or f"]({name})" in index, name
