"""A FastAPI application: dependencies, nested pydantic models in and out, validation errors."""

from typing import List, Optional  # noqa: UP035 - pydantic evaluates the annotations, on Python 3.9 too

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, Field

app = FastAPI()


class Line(BaseModel):
    """An ordered article."""

    article: str = Field(min_length=1, max_length=40)
    count: int = Field(gt=0, lt=1000)
    price: float = Field(gt=0)
    note: Optional[str] = None


class Order(BaseModel):
    """What a customer sends."""

    customer: str
    lines: List[Line]  # noqa: UP006
    express: bool = False


class Receipt(BaseModel):
    """What the customer gets."""

    number: int
    total: float
    lines: List[Line]  # noqa: UP006


ORDERS = [
    Order(
        customer=f"customer {n}",
        lines=[Line(article=f"article {i}", count=i + 1, price=1.25 * (n + 1)) for i in range(8)],
    )
    for n in range(30)
]


def paging(skip: int = Query(0, ge=0), limit: int = Query(10, ge=1, le=30)) -> slice:
    return slice(skip, skip + limit)


@app.get("/orders", response_model=List[Order])  # noqa: UP006
async def list_orders(window: slice = Depends(paging)):  # noqa: B008
    return ORDERS[window]


@app.get("/orders/{number}", response_model=Order)
async def one_order(number: int):
    if number >= len(ORDERS):
        raise HTTPException(404, f"no order {number}")
    return ORDERS[number]


@app.post("/orders", response_model=Receipt, status_code=201)
async def new_order(order: Order):
    return Receipt(number=len(ORDERS), total=sum(line.count * line.price for line in order.lines), lines=order.lines)
