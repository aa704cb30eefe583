"""A Flask application under load: in process through the test client, then over loopback.

    python flask_app.py [REQUESTS [SERVED]]

Prints each kind of response once, and a digest of all of them.
"""

import hashlib
import http.client
import json
import logging
import sys
import threading

from flask import Flask, abort, g, jsonify, redirect, render_template, request, session, url_for
from jinja2 import DictLoader
from measure import measured
from werkzeug.serving import WSGIRequestHandler, make_server

app = Flask(__name__)
app.secret_key = "not a secret"
app.jinja_loader = DictLoader(
    {
        "base.html": "<!doctype html><title>{% block title %}{% endblock %}</title><ul>{% for name, url in menu %}"
        '<li><a href="{{ url }}"{% if url == request.path %} class="here"{% endif %}>{{ name|title }}</a></li>'
        "{% endfor %}</ul>{% block body %}{% endblock %}<footer>{{ g.number }} {{ counter() }}</footer>",
        "list.html": '{% extends "base.html" %}{% block title %}{{ items|length }} items{% endblock %}{% block body %}'
        "{% macro row(item, index) %}<tr class={{ loop_class(index) }}><td>{{ item.name|upper }}</td>"
        '<td>{{ "%.2f"|format(item.price) }}</td><td>{{ item.tags|join(", ") }}</td></tr>{% endmacro %}<table>'
        "{% for item in items if item.price > limit %}{{ row(item, loop.index0) }}{% else %}<tr><td>none</td></tr>"
        "{% endfor %}</table>{{ text }}{% set total = items|sum(attribute='price') %}"
        "{{ total|round(2) }}{% endblock %}",
    }
)


class Item:
    """A row of the page."""

    def __init__(self, number):
        self.name = f"item {number}"
        self.price = number * 1.25 + 0.1
        self.tags = [f"t{number % 3}", "<b>"]


ITEMS = [Item(i) for i in range(24)]
STORE = {}


@app.before_request
def before():
    g.number = request.args.get("n", 0, type=int) * 2


@app.after_request
def after(response):
    response.headers["X-Length"] = str(len(response.get_data()))
    return response


@app.context_processor
def helpers():
    calls = []

    def counter():
        calls.append(1)
        return len(calls)

    return {
        "menu": [("home", url_for("home")), ("list", url_for("items", limit=3))],
        "counter": counter,
        "loop_class": lambda i: "odd" if i % 2 else "even",
    }


@app.route("/")
def home():
    return "home of " + request.headers.get("X-User", "nobody")


@app.route("/items/<int:limit>")
def items(limit):
    return render_template("list.html", items=ITEMS, limit=limit, text=request.args.get("q", "<none>"))


@app.route("/api/<name>", methods=["GET", "PUT", "DELETE"])
def api(name):
    if request.method == "PUT":
        STORE[name] = request.get_json()
        return jsonify(stored=name), 201
    if request.method == "DELETE":
        STORE.pop(name, None)
        return "", 204
    if name not in STORE:
        abort(404, description=f"no {name}")
    return jsonify(name=name, value=STORE[name], size=len(json.dumps(STORE[name])))


@app.route("/form", methods=["POST"])
def form():
    session["visits"] = session.get("visits", 0) + 1
    return {key: request.form.getlist(key) for key in sorted(request.form)} | {"visits": session["visits"]}


@app.route("/old")
def old():
    return redirect(url_for("items", limit=7, q="moved"))


@app.route("/fail/<int:n>")
def fail(n):
    return str(ITEMS[n].price / (n - 3))


@app.errorhandler(404)
def not_found(error):
    return {"error": error.description}, 404


@app.errorhandler(ArithmeticError)
@app.errorhandler(LookupError)
def broken(error):
    return f"{type(error).__name__}: {error}", 500


def requests_of(n):
    """The n-th request as (method, path, keyword arguments of the client)."""
    key = f"k{n % 5}"
    kinds = (
        ("get", "/", {"headers": {"X-User": f"user {n % 7}"}}),
        ("get", f"/items/{n % 20}", {"query_string": {"q": f"<&{n}>", "n": n}}),
        ("put", f"/api/{key}", {"json": {"n": n, "list": list(range(n % 4)), "text": "é" * (n % 3)}}),
        ("get", f"/api/{key}", {}),
        ("post", "/form", {"data": {"a": [str(n), "2"], "b": "x y&z"}}),
        ("get", "/old", {"follow_redirects": True}),
        ("get", "/missing", {}),
        ("get", f"/fail/{n % 40}", {}),
        ("delete", f"/api/{key}", {}),
        ("get", f"/api/{key}", {}),
    )
    return kinds[n % len(kinds)]


def in_process(count):
    digest = hashlib.sha256()
    client = app.test_client()
    for n in range(count):
        method, path, options = requests_of(n)
        response = getattr(client, method)(path, **options)
        body = response.get_data(as_text=True)
        line = f"{n} {method} {path} {response.status} {response.content_type} {response.headers['X-Length']} {body}"
        digest.update(line.encode())
        if n < 20:
            print(line)
    print("in process:", count, digest.hexdigest())


class QuietHandler(WSGIRequestHandler):
    """Serves without a log."""

    protocol_version = "HTTP/1.1"

    def log(self, *args):
        pass


def over_loopback(count):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digest = hashlib.sha256()
    try:
        for n in range(count):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
            connection.request("GET", f"/items/{n % 20}?n={n}&q=a%20b", headers={"X-User": "someone"})
            response = connection.getresponse()
            digest.update(f"{n} {response.status} {response.getheader('X-Length')}".encode() + response.read())
            connection.close()
    finally:
        server.shutdown()
        server.server_close()
    print("over loopback:", count, digest.hexdigest())


if __name__ == "__main__":
    with measured():
        in_process(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
    served = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    if served:
        over_loopback(served)
