"""Applications for the servers, of WSGI and ASGI: pages that compute, say which process answered, or fail."""

import json
import os

import evidence

VERSION = os.environ.get("APP_VERSION_FILE") and open(os.environ["APP_VERSION_FILE"]).read().strip()


def primes(n):
    found = []
    for i in range(2, n):
        for p in found:
            if p * p > i:
                found.append(i)
                break
            if i % p == 0:
                break
        else:
            found.append(i)
    return len(found)


def digest(text):
    value = 7
    for c in text:
        value = (value * 31 + ord(c)) & 0xFFFFFFFF
    return value


def page(n):
    return f"{n}: {primes(n % 3000)} primes, {digest(str(n) * 50)}\n"


def who():
    return json.dumps({"pid": os.getpid(), "compiled": evidence.compiled(), "version": VERSION})


def wsgi():
    import flask

    app = flask.Flask(__name__)
    app.get("/<int:n>")(page)
    app.get("/who")(who)

    @app.get("/fail")
    def fail():
        raise RuntimeError("on purpose")

    @app.get("/slow")
    def slow():
        import time

        time.sleep(2)
        return page(2000)

    return app


async def asgi(scope, receive, send):
    """Without a framework: the lifespan protocol, then pages."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"][1:]
    if path == "fail":
        raise RuntimeError("on purpose")
    if path == "slow":
        import asyncio

        await asyncio.sleep(2)
        path = "2000"
    body = who() if path == "who" else page(int(path))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for line in body.splitlines(True):
        await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


if os.environ.get("APP_KIND") != "asgi":
    app = wsgi()
