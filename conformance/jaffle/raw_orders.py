"""Makes the two largest seeds of jaffle-shop, which its repository does not hold.

They are the same in every run: orders of all its customers in all its stores.

usage: raw_orders.py FOLDER, the one with raw_customers.csv, raw_stores.csv and raw_products.csv
"""

from __future__ import annotations

import csv
import random
import sys
import uuid
from datetime import datetime, timedelta
from pathlib import Path

ORDERS = 5_000
ITEMS_MAX = 4
FIRST_DAY = datetime(2024, 9, 1)
DAYS = 360
DAY = 24 * 60


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"raw_{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    with (folder / f"raw_{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main(folder: Path) -> None:
    dice = random.Random(7)
    customers, stores = read(folder, "customers"), read(folder, "stores")
    products = read(folder, "products")

    def new_id() -> str:
        return str(uuid.UUID(int=dice.getrandbits(128)))

    orders: list[dict[str, object]] = []
    items: list[dict[str, object]] = []
    # A customer orders once a day: the project numbers the orders of each by their days.
    taken: set[tuple[str, int]] = set()
    for _ in range(ORDERS):
        order, store = new_id(), dice.choice(stores)
        bought = [dice.choice(products) for _ in range(1 + dice.randrange(ITEMS_MAX))]
        subtotal = sum(int(product["price"]) for product in bought)
        tax = int(subtotal * float(store["tax_rate"]))
        customer, minutes = dice.choice(customers)["id"], dice.randrange(DAYS * DAY)
        while (customer, minutes // DAY) in taken:
            minutes = dice.randrange(DAYS * DAY)
        taken.add((customer, minutes // DAY))
        orders.append(
            {
                "id": order,
                "customer": customer,
                "ordered_at": (FIRST_DAY + timedelta(minutes=minutes)).isoformat(),
                "store_id": store["id"],
                "subtotal": subtotal,
                "tax_paid": tax,
                "order_total": subtotal + tax,
            }
        )
        items += [{"id": new_id(), "order_id": order, "sku": product["sku"]} for product in bought]
    write(folder, "orders", orders)
    write(folder, "items", items)


main(Path(sys.argv[1]))
