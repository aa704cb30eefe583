"""What the tests of web servers share: pages asked by several clients at once, and the workers that answered."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from deployments.ways import Service, answers, get

# More than enough for the functions of a page to get hot in each of a few workers.
PAGES = [i * 37 for i in range(1200)]


def pages(port: int, clients=4, numbers=PAGES) -> list[tuple[int, str]]:
    """Every page once, and the one that fails."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda path: get(port, path), [f"/{n}" for n in numbers] + ["/fail"]))


def workers(service: Service, port: int, count: int) -> dict[int, dict]:
    """What each of the workers says of itself, once that many have answered."""
    found: dict[int, dict] = {}

    def all_of_them():
        with ThreadPoolExecutor(8) as pool:
            for status, text in pool.map(lambda _: get(port, "/who"), range(24)):
                assert status == 200, text
                answer = json.loads(text)
                found[answer["pid"]] = answer
        return len(found) >= count

    service.wait_for(all_of_them, f"answer from {count} workers")
    return found


def ready(service: Service, port: int) -> None:
    service.wait_for(lambda: answers(port), "open port")
