"""An ETL script: records from CSV and JSON lines are parsed, cleaned, joined, aggregated and written as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import csv
import io
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

from support import inprocess

ORDERS = 6000
CUSTOMERS = 300


def make_csv(generator: random.Random) -> str:
    """Orders, some of them with fields that have to be cleaned or dropped."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(["order", "customer", "when", "article", "count", "price"])
    for number in range(ORDERS):
        day = datetime(2023, 1 + number % 12, 1 + number % 28, number % 24, number % 60)
        price = f"{generator.randrange(1, 90000) / 100:,.2f}"
        customer = generator.randrange(CUSTOMERS + 20)
        count = "" if number % 97 == 0 else generator.randrange(1, 20)
        row = [
            number,
            f" C{customer:05} ",
            day.isoformat(),
            f'Article "{number % 40}", kind {number % 7}',
            count,
            price,
        ]
        writer.writerow(row)
    return output.getvalue()


def make_jsonl(generator: random.Random) -> str:
    """Customers, one JSON object a line."""
    lines = []
    for number in range(CUSTOMERS):
        address = {"city": f"City {generator.randrange(25)}", "zip": f"{generator.randrange(99999):05}"}
        record = {"id": f"c{number:05}", "name": f"Customer {number}", "address": address, "vip": number % 9 == 0}
        lines.append(json.dumps(record))
    return "\n".join(lines)


def read_orders(text: str, customers: dict) -> Iterator[dict]:
    """Clean orders of known customers."""
    for row in csv.DictReader(io.StringIO(text)):
        customer = customers.get(row["customer"].strip().lower())
        if customer is None or not row["count"]:
            continue
        name, _, kind = row["article"].partition(", kind ")
        yield {
            "customer": customer,
            "month": datetime.fromisoformat(row["when"]).strftime("%Y-%m"),
            "article": name.replace('"', "").lower(),
            "kind": int(kind),
            "total": int(row["count"]) * Decimal(row["price"].replace(",", "")),
        }


def transform(orders: str, people: str) -> str:
    """The report, as JSON."""
    customers = {}
    for line in people.splitlines():
        record = json.loads(line)
        customers[record["id"]] = record
    by_city: dict = defaultdict(lambda: defaultdict(Decimal))
    by_customer: dict = defaultdict(list)
    for order in read_orders(orders, customers):
        by_city[order["customer"]["address"]["city"]][order["month"]] += order["total"]
        by_customer[order["customer"]["id"]].append(order)
    best = sorted(by_customer.items(), key=lambda item: (-sum(o["total"] for o in item[1]), item[0]))[:20]
    report = {
        "cities": {
            city: {month: str(total) for month, total in sorted(m.items())} for city, m in sorted(by_city.items())
        },
        "best": [
            {"id": key, "name": customers[key]["name"], "articles": sorted({o["article"] for o in orders})}
            for key, orders in best
        ],
    }
    return json.dumps(report, indent=1, sort_keys=True)


def prepare() -> Callable[[], str]:
    generator = random.Random(3)
    orders, people = make_csv(generator), make_jsonl(generator)

    def run_etl() -> str:
        report = transform(orders, people)
        assert '"City 24"' in report and len(report) > 10000, report[:500]
        return report

    return run_etl


if __name__ == "__main__":
    inprocess.run("etl_csv_json", prepare)
