"""Renders templates with Jinja2: cases as JSON on standard input, results on standard output."""

import json
import sys

from jinja2 import ChainableUndefined, StrictUndefined, Undefined
from jinja2.sandbox import SandboxedEnvironment

UNDEFINED = {"lenient": Undefined, "strict": StrictUndefined, "chainable": ChainableUndefined}


def environment(options):
    """As dbt makes it, but for the options of a case."""
    made = SandboxedEnvironment(
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        undefined=UNDEFINED[options.get("undefined", "lenient")],
        trim_blocks=options.get("trim_blocks", False),
        lstrip_blocks=options.get("lstrip_blocks", False),
        keep_trailing_newline=options.get("keep_trailing_newline", False),
    )
    made.globals["set"] = set
    return made


def rendered(case):
    """The output, or the error."""
    try:
        template = environment(case["options"]).from_string(case["template"])
        return {"output": template.render(case["context"])}
    except Exception as error:  # whatever goes wrong is the result
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([rendered(case) for case in json.load(sys.stdin)], sys.stdout)
