"""A Django REST framework API over ORM queries, behind waitress: lists, filters, aggregates and one object."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import subprocess

from support import cache, serving

FOLDER = Path(__file__).resolve().parent


def fill(database: str) -> None:
    subprocess.run([serving.server_python(), "app.py", "fill", database], cwd=FOLDER, check=True)


def prepare() -> serving.Site:
    database = cache.prepared_file("rest.sqlite", fill)
    return serving.Site(
        command=[serving.server_python(), "app.py", "serve", database, "{fd}"],
        cwd=str(FOLDER),
        requests=[
            serving.Request("/api/books/", ['"count":200', '"title":"Book 24.7"']),
            serving.Request("/api/books/42/", ['"title":"Book 5.1"', '"price":"6.95"']),
            serving.Request("/api/authors/?page=2", ['"count":25', '"book_count":8']),
            serving.Request("/api/books/?cheaper=9&page=2", ['"previous":"http://127.0.0.1/api/books/?cheaper=9"']),
            serving.Request("/api/books/9999/", ["No Book matches"], status=404),
        ],
    )


if __name__ == "__main__":
    serving.run("django_rest", prepare)
