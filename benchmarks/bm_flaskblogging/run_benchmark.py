"""A Flask-Blogging site on SQLite behind gunicorn: lists of posts, one post, a tag, an author."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import os
import subprocess

from support import cache, serving

FOLDER = Path(__file__).resolve().parent


def fill(database: str) -> None:
    env = {**os.environ, "BLOG_DATABASE": database}
    subprocess.run([serving.server_python(), "app.py"], cwd=FOLDER, env=env, check=True)


def prepare() -> serving.Site:
    env = {"BLOG_DATABASE": cache.prepared_file("blog.sqlite", fill)}
    return serving.Site(
        command=serving.gunicorn("app:app"),
        cwd=str(FOLDER),
        env=env,
        requests=[
            serving.Request("/blog/", ["Post number 39", "Post number 30", "Author 0"]),
            serving.Request("/blog/page/7/post/", ["Post number 6", "Author 0", "<code>code(6)</code>"]),
            serving.Request("/blog/10/2/", ["Post number 29", "Post number 20"]),
            serving.Request("/blog/tag/web/", ["Post number 37"]),
            serving.Request("/blog/page/23/post/", ["Post number 22", "<strong>more</strong>"]),
            serving.Request("/blog/author/1/", ["Post number 37", "Author 1"]),
        ],
    )


if __name__ == "__main__":
    serving.run("flaskblogging", prepare)
