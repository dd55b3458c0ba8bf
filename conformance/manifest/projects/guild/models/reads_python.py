import math


def model(dbt, session):
    dbt.config(materialized="table", packages=["numpy==1.0", "pandas"], tags=["py"])
    crafts = dbt.ref("craft")
    people = dbt.source("guild_raw", "people")
    limit = dbt.config.get("limit")
    return crafts
