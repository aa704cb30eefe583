"""orjson: encoding and decoding of everything that it knows, defaults called back, and its errors."""

import dataclasses
import datetime
import enum
import json
import uuid

import numpy
import orjson


@dataclasses.dataclass
class Item:
    name: str
    tags: list
    price: float


class Colour(enum.Enum):
    RED = "red"


class Other:
    def __init__(self, n):
        self.n = n


def default(value):
    if isinstance(value, Other):
        return {"other": value.n}
    raise TypeError(f"not {type(value).__name__}")


items = [Item(f"item {n}", list(range(n % 5)), n / 3) for n in range(2000)]
text = orjson.dumps(items)
print(len(text), hash(tuple(map(str, orjson.loads(text)[:3]))) is not None, text[:200])
print(orjson.loads(text) == json.loads(text))
value = {
    "when": datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC),
    "day": datetime.date(2024, 2, 29),
    "id": uuid.UUID(int=5),
    "colour": Colour.RED,
    "others": [Other(n) for n in range(300)],
    1: "one",
}
options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
print(orjson.dumps(value, default=default, option=options).decode())
print(orjson.dumps(numpy.arange(12.0).reshape(3, 4), option=orjson.OPT_SERIALIZE_NUMPY))
for bad in (b"{", b'{"a": nan}', b"[1,]", b"\xff"):
    try:
        orjson.loads(bad)
    except orjson.JSONDecodeError as error:
        print(type(error).__name__, error, error.pos)
for bad in (object(), {1: 2}, "\ud800", 2**70):
    try:
        orjson.dumps(bad, default=default)
    except TypeError as error:
        print(type(error).__name__, error, type(error.__cause__).__name__)
