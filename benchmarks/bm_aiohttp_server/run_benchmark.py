"""An aiohttp server: JSON in and out, a route with a variable, middleware."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import json

from support import serving

FOLDER = Path(__file__).resolve().parent


def prepare() -> serving.Site:
    posted = json.dumps({"numbers": list(range(200)), "name": "somebody"})
    return serving.Site(
        command=[serving.server_python(), "app.py", "{fd}"],
        cwd=str(FOLDER),
        requests=[
            serving.Request("/items/item7", ['"tag2"', "10.5"]),
            serving.Request("/search?tag=tag3", ['"item48"']),
            serving.Request("/echo", ['"total": 19900'], 200, "POST", {"Content-Type": "application/json"}, posted),
            serving.Request("/items/none", ['"missing": "none"'], 404),
        ],
    )


if __name__ == "__main__":
    serving.run("aiohttp_server", prepare)
