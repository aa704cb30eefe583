"""Jinja2 rendering a page whose templates are compiled: inheritance, macros, loops, filters, escaping."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable

from support import inprocess

TEMPLATES = {
    "base.html": "<!doctype html><title>{% block title %}{% endblock %}</title><nav>{% for link in menu %}"
    '<a href="{{ link.url }}"{% if link.active %} class="active"{% endif %}>{{ link.text|title }}</a>{% endfor %}</nav>'
    "{% block body %}{% endblock %}<footer>{{ footer }}</footer>",
    "macros.html": '{% macro price(value) %}<b>{{ "%.2f"|format(value) }}</b>{% endmacro %}'
    "{% macro tags(names) %}{% for name in names %}<i>{{ name|lower }}</i>{{ ', ' if not loop.last }}{% endfor %}"
    "{% endmacro %}",
    "list.html": '{% extends "base.html" %}{% import "macros.html" as m %}{% block title %}{{ items|length }} items'
    "{% endblock %}{% block body %}<table>{% for item in items if item.stock %}"
    '<tr class="{{ loop.cycle("odd", "even") }}"><td>{{ loop.index }}</td><td>{{ item.name }}</td>'
    "<td>{{ m.price(item.price) }}</td><td>{{ m.tags(item.tags) }}</td><td>{{ item.text|truncate(30) }}</td></tr>"
    "{% else %}<tr><td>none</td></tr>{% endfor %}</table>{% for kind, group in items|groupby('kind') %}"
    "<h2>{{ kind }}</h2>{{ group|map(attribute='name')|join(' ') }}{% endfor %}{% endblock %}",
}


class Item:
    """A row of the page."""

    def __init__(self, number: int) -> None:
        self.name = f"item <{number}>"
        self.price = number * 1.25
        self.stock = number % 5
        self.kind = f"kind {number % 4}"
        self.tags = [f"Tag{number % 3}", "All & More"]
        self.text = "A text that is longer than the thirty characters that are shown of it."


def prepare() -> Callable[[], str]:
    import jinja2

    environment = jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES), autoescape=True)
    menu = [{"url": f"/page/{n}", "text": f"page {n}", "active": n == 2} for n in range(8)]
    items = [Item(number) for number in range(100)]
    template = environment.get_template("list.html")

    def render() -> str:
        page = template.render(menu=menu, items=items, footer="<the end>")
        assert "item &lt;99&gt;" in page and page.endswith("&lt;the end&gt;</footer>"), page[-500:]
        return page

    return render


if __name__ == "__main__":
    inprocess.run("jinja2_pages", prepare)
