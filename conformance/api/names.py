"""Hooks of schemathesis: names that there are, in the place of most of those that it makes up.

Without them nearly every request would end with `there is no run`.
"""

import json
import os
import random
import urllib.request

import schemathesis
from schemathesis.core.parameters import ParameterLocation

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
def before_call(context, case, kwargs):
    if is_well_made(case, ParameterLocation.PATH):
        known = {name: NAMES[name] for name in case.path_parameters or {} if NAMES.get(name)}
        chosen = {name: CHANCE.choice(names) for name, names in known.items() if CHANCE.randrange(MADE_UP)}
        if chosen:
            case.path_parameters = {**case.path_parameters, **chosen}
    is_inference = case.operation.path.endswith("/infer") and isinstance(case.body, dict)
    if is_inference and is_well_made(case, ParameterLocation.BODY) and CHANCE.randrange(MADE_UP):
        case.body = ONE_ROW


def is_well_made(case, part):
    """Whether a part of a request is as its schema allows; others have to be refused as they are."""
    made = case.meta.components.get(part) if case.meta else None
    return made is None or made.mode.is_positive
