"""SQLAlchemy's ORM on SQLite in memory: a unit of work, relationships, joins, aggregates."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable

from support import inprocess

CUSTOMERS = 30
ORDERS = 4


def prepare() -> Callable[[], str]:
    from sqlalchemy import Column, Float, ForeignKey, Integer, String, create_engine, func, select
    from sqlalchemy.orm import Session, declarative_base, joinedload, relationship, selectinload

    base = declarative_base()

    class Customer(base):
        """Places orders."""

        __tablename__ = "customer"
        id = Column(Integer, primary_key=True)
        name = Column(String(50), index=True)
        orders = relationship("Order", back_populates="customer", cascade="all, delete-orphan")

    class Order(base):
        """Belongs to a customer."""

        __tablename__ = "order"
        id = Column(Integer, primary_key=True)
        customer_id = Column(ForeignKey("customer.id"))
        article = Column(String(50))
        price = Column(Float)
        customer = relationship(Customer, back_populates="orders")

    engine = create_engine("sqlite://")

    def unit_of_work() -> str:
        lines = []
        base.metadata.create_all(engine)
        with Session(engine) as session:
            for n in range(CUSTOMERS):
                orders = [Order(article=f"article {i}", price=i * 1.5 + n) for i in range(ORDERS)]
                session.add(Customer(name=f"customer {n}", orders=orders))
            session.commit()
            for customer in session.scalars(select(Customer).options(selectinload(Customer.orders))):
                customer.name = customer.name.title()
                lines.append(f"{customer.name} {sum(order.price for order in customer.orders)}")
            session.commit()
            query = select(Order).join(Order.customer).where(Customer.name.like("%2%"), Order.price > 5)
            for order in session.scalars(query.options(joinedload(Order.customer)).order_by(Order.price.desc())):
                lines.append(f"{order.customer.name} {order.article} {order.price}")
            total = func.sum(Order.price).label("total")
            for name, value in session.execute(select(Customer.name, total).join(Order).group_by(Customer.id)):
                lines.append(f"{name} {value}")
            session.delete(session.get(Customer, 1))
            session.commit()
            lines.append(str(session.scalar(select(func.count()).select_from(Order))))
        base.metadata.drop_all(engine)
        assert lines[-1] == str((CUSTOMERS - 1) * ORDERS), lines[-1]
        return "\n".join(lines)

    return unit_of_work


if __name__ == "__main__":
    inprocess.run("sqlalchemy_orm", prepare)
