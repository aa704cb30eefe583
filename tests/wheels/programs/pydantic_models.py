"""pydantic: models with validators in Python, unions, generics, recursion, JSON both ways, and the errors' texts."""

from __future__ import annotations

import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_validator,
    model_validator,
    validate_call,
)
from pydantic import dataclasses as pydantic_dataclasses

T = TypeVar("T")


class Address(BaseModel):
    street: str
    number: int = Field(gt=0)


class Person(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)
    name: Annotated[str, Field(min_length=1, max_length=40)]
    born: datetime.date
    addresses: list[Address] = []
    parent: Person | None = None

    @field_validator("name")
    @classmethod
    def no_digits(cls, value: str) -> str:
        if any(c.isdigit() for c in value):
            raise ValueError("digits in a name")
        return value

    @computed_field
    @property
    def initial(self) -> str:
        return self.name[0]

    @model_validator(mode="after")
    def not_own_parent(self) -> Person:
        if self.parent is not None and self.parent.name == self.name:
            raise ValueError("own parent")
        return self


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: set[str]


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int


@pydantic_dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@validate_call
def repeat(text: str, n: Annotated[int, Field(ge=0)]) -> str:
    return text * n


def good(n: int) -> dict:
    parent = {"name": "Parent", "born": "1970-01-01"}
    return {
        "name": f" {'ab' * (n % 5 + 1)} ",
        "born": "2000-02-29",
        "addresses": [{"street": "s", "number": n + 1}],
        "parent": parent,
    }


people = [Person.model_validate(good(n)) for n in range(1500)]
print(len({p.name for p in people}), sum(p.addresses[0].number for p in people), people[7])
text = TypeAdapter(list[Person]).dump_json(people)
print(len(text), TypeAdapter(list[Person]).validate_json(text) == people)
print(people[3].model_dump_json(indent=1, exclude={"parent": {"born"}}))
Pets = TypeAdapter(Page[Annotated[Cat | Dog, Field(discriminator="kind")]])
print(Pets.validate_python({"items": [{"kind": "cat", "lives": 9}, {"kind": "dog", "tricks": ["sit"]}], "total": "2"}))
print(Person.model_json_schema())
print(repeat("ab", "3"), Point("1"), people[0].model_copy(update={"name": "x"}).initial)
for call in (
    lambda: Person.model_validate({**good(1), "name": "n1", "born": "x", "addresses": [{"number": 0}]}),
    lambda: Person.model_validate({**good(1), "name": "Parent"}),
    lambda: Person.model_validate_json('{"name": "a", "born": '),
    lambda: Pets.validate_python({"items": [{"kind": "cow"}, {"kind": "dog", "tricks": 5}], "total": 1.5}),
    lambda: repeat("ab", -1),
    lambda: Point("a"),
):
    try:
        call()
    except ValidationError as error:
        print(error)
        print(error.errors(include_url=False, include_context=False))
