#!/usr/bin/env python3
"""Compares two manifest.json files of the same project and prints what differs.

    manifest_diff.py EXPECTED ACTUAL [--keys] [--ignore PATH ...] [--max N]

What differs from run to run is left out: times, ids of invocations, the place of the project, and
the macros that come with dbt. With --keys only the names of fields are compared. The exit status
is 1 if anything differs.
"""

import argparse
import collections
import json
import sys

RESOURCES = (
    "nodes sources macros docs exposures metrics groups selectors disabled saved_queries "
    "semantic_models unit_tests functions"
).split()
MAPS = ["parent_map", "child_map", "group_map"]
UNSTABLE = {"created_at", "root_path", "checksum_of_dbt", "config_call_dict", "metadata"}
SORTED = {"macros", "nodes", "tags", "refs", "sources", "primary_key"}


def normalised(value, key=""):
    """The value without what differs from run to run, and lists that are sets in order."""
    if isinstance(value, dict):
        return {k: normalised(v, k) for k, v in value.items() if k not in UNSTABLE}
    if isinstance(value, list):
        items = [normalised(item) for item in value]
        return sorted(items, key=json.dumps) if key in SORTED else items
    return value


def own_packages(manifest):
    """The packages that have something besides macros: those of dbt have not."""
    return {
        resource["package_name"]
        for kind in ("nodes", "sources", "exposures", "unit_tests")
        for resource in manifest.get(kind, {}).values()
    }


def differences(expected, actual, path, keys_only):
    """Paths at which two values differ, with both."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(set(expected) | set(actual)):
            below = f"{path}.{key}"
            if key not in actual:
                yield below, expected[key], "(missing)"
            elif key not in expected:
                yield below, "(missing)", actual[key]
            else:
                yield from differences(expected[key], actual[key], below, keys_only)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (left, right) in enumerate(zip(expected, actual)):
            yield from differences(left, right, f"{path}[{index}]", keys_only)
    elif expected != actual and not keys_only:
        yield path, expected, actual


def compared(expected, actual, keys_only):
    """All differences of two manifests, as (where, id, expected, actual)."""
    packages = own_packages(expected)

    def is_own(resource_id):
        kind, _, rest = resource_id.partition(".")
        return kind != "macro" or rest.split(".")[0] in packages

    for section in RESOURCES + MAPS:
        left, right = expected.get(section) or {}, actual.get(section) or {}
        for resource_id in sorted(filter(is_own, set(left) | set(right))):
            if resource_id not in right:
                yield section, resource_id, "(there)", "(missing)"
            elif resource_id not in left:
                yield section, resource_id, "(missing)", "(there)"
            else:
                pair = normalised(left[resource_id]), normalised(right[resource_id])
                for path, before, after in differences(*pair, section, keys_only):
                    yield path, resource_id, before, after


def shortened(value):
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 160 else text[:157] + "..."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("expected")
    parser.add_argument("actual")
    parser.add_argument("--keys", action="store_true", help="compare names of fields only")
    parser.add_argument("--ignore", nargs="*", default=[], help="paths, such as nodes.checksum")
    parser.add_argument("--max", type=int, default=5, help="examples of each path")
    options = parser.parse_args()
    with open(options.expected) as left, open(options.actual) as right:
        found = compared(json.load(left), json.load(right), options.keys)
        by_path = collections.defaultdict(list)
        for path, *rest in found:
            if not any(path == ignored or path.startswith(ignored + ".") for ignored in options.ignore):
                by_path[path].append(rest)
    for path, examples in sorted(by_path.items()):
        print(f"{path}: {len(examples)}")
        for resource_id, before, after in examples[: options.max]:
            print(f"    {resource_id}\n      - {shortened(before)}\n      + {shortened(after)}")
    print(f"{sum(map(len, by_path.values()))} differences at {len(by_path)} places")
    sys.exit(bool(by_path))


if __name__ == "__main__":
    main()
