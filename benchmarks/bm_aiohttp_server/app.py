"""An aiohttp application: routes with variables, middleware, JSON in and out. `python app.py FD` serves."""

from __future__ import annotations

import asyncio
import socket
import sys

from aiohttp import web

ITEMS = {f"item{n}": {"name": f"item{n}", "tags": [f"tag{n % 5}", "all"], "size": n * 1.5} for n in range(50)}


@web.middleware
async def count(request: web.Request, handler) -> web.StreamResponse:
    """Adds a header, and turns lookups that fail into 404."""
    try:
        response = await handler(request)
    except KeyError as error:
        return web.json_response({"missing": error.args[0]}, status=404)
    response.headers["X-Items"] = str(len(ITEMS))
    return response


async def one(request: web.Request) -> web.Response:
    return web.json_response(ITEMS[request.match_info["name"]])


async def search(request: web.Request) -> web.Response:
    tag = request.query.get("tag", "all")
    await asyncio.sleep(0)
    return web.json_response({"items": [item for item in ITEMS.values() if tag in item["tags"]]})


async def echo(request: web.Request) -> web.Response:
    data = await request.json()
    return web.json_response({"keys": sorted(data), "total": sum(data["numbers"])})


def main(fd: int) -> None:
    app = web.Application(middlewares=[count])
    app.add_routes([web.get("/items/{name}", one), web.get("/search", search), web.post("/echo", echo)])
    web.run_app(app, sock=socket.socket(fileno=fd), print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
