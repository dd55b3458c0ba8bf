"""What a notebook does with the package: run with the folder of a shop."""

import sys

import millstream

shop = millstream.Project(sys.argv[1])
assert shop.check()["errors"] == 0

ran = shop.run(select="+customer_activity")
assert {step["outcome"] for step in ran["steps"]} == {"published"}, ran
assert shop.runs()[0]["state"] == "succeeded"
assert shop.show_run(ran["run"])["run"] == ran["run"]

table = shop.query("select * from shop.clicks")
assert table.num_rows > 1000 and "customer_id" in table.column_names, table.schema
assert sum(batch.num_rows for batch in shop.batches("select * from shop.clicks", rows=500)) == table.num_rows
frame = shop.pandas("select count(*) as n from shop.clicks")
assert frame["n"][0] == table.num_rows

due = {entry["asset"]: entry["decision"]["action"] for entry in shop.assets()}
assert due["table:main.churn_risk"] == "run", due

for attempt in (lambda: shop.query("select * from nope"), lambda: shop.plan(select="nope")):
    try:
        attempt()
        raise AssertionError("it must fail")
    except millstream.MillstreamError as error:
        assert "." in error.code and error.fault == "user" and "nope" in str(error), error

print("all is as it should be")
