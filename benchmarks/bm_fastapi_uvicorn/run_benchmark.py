"""A FastAPI application behind uvicorn: lists and single objects, posts that pydantic validates, errors."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import json

from support import serving

FOLDER = Path(__file__).resolve().parent
ORDER = {
    "customer": "somebody",
    "lines": [{"article": f"thing {n}", "count": n + 1, "price": 2.5, "note": "fragile"} for n in range(10)],
}
JSON = {"Content-Type": "application/json"}


def prepare() -> serving.Site:
    wrong = {**ORDER, "lines": [{"article": "", "count": 0, "price": "much"}]}
    command = [serving.server_python(), "-m", "uvicorn", "--fd", "{fd}", "--loop", "asyncio", "--http", "h11"]
    return serving.Site(
        command=[*command, "--log-level", "warning", "--no-access-log", "app:app"],
        cwd=str(FOLDER),
        requests=[
            serving.Request("/orders?skip=5&limit=10", ['"customer":"customer 14"']),
            serving.Request("/orders/7", ['"customer":"customer 7"', '"price":10.0']),
            serving.Request("/orders", ['"total":137.5'], 201, "POST", JSON, json.dumps(ORDER)),
            serving.Request("/orders", ["greater_than", "string_too_short"], 422, "POST", JSON, json.dumps(wrong)),
            serving.Request("/orders/99", ["no order 99"], 404),
        ],
    )


if __name__ == "__main__":
    serving.run("fastapi_uvicorn", prepare)
