"""Hooks of schemathesis: names that there are, in the place of most of those that it makes up.

Without them nearly every request would end with `there is no run`.
"""

import json
import os
import random
import urllib.request

import schemathesis

ADDRESS = os.environ["MILLSTREAM_TEST_ADDRESS"]
CHANCE = random.Random(os.environ["MILLSTREAM_TEST_SEED"])
# Of so many parts of paths and bodies of inference, one is left as it was made up.
MADE_UP = 5
# Where the names of a parameter stand: a list, and the field of its items.
LISTS = {
    "backfill": ("backfills", "backfill"),
    "channel": ("notifications/channels", "channel"),
    "key": ("assets?limit=500", "key"),
    "message": ("notifications/messages", "message"),
    "model": ("models", "model"),
    "name": ("deployments", "deployment"),
    "notice": ("notifications/notices", "notice"),
    "release": ("releases", "release"),
    "run": ("runs?limit=10", "run"),
    "schedule": ("schedules", "schedule"),
    "target": ("notifications/mutes", "target"),
}


def told(path):
    with urllib.request.urlopen(f"{ADDRESS}/{path}") as answer:
        return json.load(answer)


NAMES = {name: [str(item[field]) for item in told(f"api/v1/{path}")["items"]] for name, (path, field) in LISTS.items()}
NAMES |= {"step": ["asked", "list", "step:asked"], "version": ["1"]}


def one_row(deployment):
    """A request for inference that a deployment answers."""
    values = {"BYTES": "fr", "FP64": 1.5}
    inputs = told(f"v2/models/{deployment}")["inputs"]
    return {
        "inputs": [
            {"name": it["name"], "datatype": it["datatype"], "shape": [1], "data": [values[it["datatype"]]]}
            for it in inputs
        ]
    }


ONE_ROW = one_row(NAMES["name"][0])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name in path_parameters or {}:
        if NAMES.get(name) and CHANCE.randrange(MADE_UP):
            path_parameters[name] = CHANCE.choice(NAMES[name])
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    is_well_made = isinstance(body, dict) and isinstance(body.get("inputs"), list)
    if is_well_made and context.operation.path.endswith("/infer") and CHANCE.randrange(MADE_UP):
        return ONE_ROW
    return body
