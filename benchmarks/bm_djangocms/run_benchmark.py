"""A django CMS site on SQLite behind gunicorn: the menu, the breadcrumb and the placeholders of several pages."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import subprocess

from support import cache, serving

FOLDER = Path(__file__).resolve().parent


def fill(database: str) -> None:
    env = {**os.environ, "CMS_DATABASE": database}
    subprocess.run([serving.server_python(), "fill.py"], cwd=FOLDER, env=env, check=True)


def prepare() -> serving.Site:
    env = {"CMS_DATABASE": cache.prepared_file("cms.sqlite", fill)}
    return serving.Site(
        command=serving.gunicorn("wsgi:application"),
        cwd=str(FOLDER),
        env=env,
        requests=[
            serving.Request("/en/", ["<title>Home</title>", "Home, Part 3", "/en/products/"]),
            serving.Request("/en/products/", ["<h1>Products</h1>", "Products, Part 0", "Products 4"]),
            serving.Request("/en/news/news-2/", ["<title>News 2</title>", "Text number 1 of News 2"]),
            serving.Request("/en/about/about-0/about-detail/", ["About Detail, Part 2", "About 4"]),
        ],
    )


if __name__ == "__main__":
    serving.run("djangocms", prepare)
