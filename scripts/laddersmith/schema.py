"""Closed JSON Schemas: defaults filled in, and every fault told in a sentence that names the key and the remedy.

Beside the standard keywords the schemas have `x-form` (a pattern in words), `x-remedy` (what to do about a value of
the wrong kind), `x-planned` (choices that are to come, with a sentence each), `x-merge` (a map whose defaults stay for
the names not given) and `x-name` (what the names of a map stand for).
"""

import functools
import json
import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"
WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table of keys",
    "null": "null",
}


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The schema of this name (`config`, `titles`) under config/schemas."""
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def filled(schema: dict[str, Any], value: Any) -> Any:
    """A copy of `value` with the schema's defaults, in its order; 2.0 becomes 2, and 8 text where both may stand.

    What breaks the schema is left as it is, for `faults` to tell.
    """
    kinds = _kinds(schema)
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties") or {}
        given = (schema.get("default", {}) if schema.get("x-merge") else {}) | value
        out = {}
        for key, part in known.items():
            if key in given:
                out[key] = filled(part, given[key])
            elif "default" in part:
                out[key] = filled(part, deepcopy(part["default"]))
            elif "properties" in part:
                out[key] = filled(part, {})
        return out | {key: filled(other, item) for key, item in given.items() if key not in known}
    if isinstance(value, list):
        return [filled(schema.get("items", {}), item) for item in value]
    if isinstance(value, float) and value.is_integer() and {"number", "integer"} & kinds:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and "string" in kinds and "integer" in kinds:
        return str(value)
    return value


def faults(schema: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    """What breaks the schema: pairs of the place ("search.max_rounds") and a sentence that begins with it."""
    errors = sorted(
        _validator(schema).iter_errors(value), key=lambda error: [str(step) for step in error.absolute_path]
    )
    return list(dict.fromkeys(pair for error in errors for pair in _told(error, schema)))


def place(steps: Iterable[str | int]) -> str:
    """`variants.x264.crfs[2]` for the steps to a value."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def nearest(name: object, choices: Iterable[str]) -> str:
    """ "; the nearest is a" (or "a and b", when they are equally near) by edit distance; empty without choices."""
    distances = {choice: distance(str(name).lower(), choice.lower()) for choice in choices}
    if not distances:
        return ""
    best = [choice for choice, edits in distances.items() if edits == min(distances.values())]
    return f"; the nearest {'is' if len(best) == 1 else 'are'} {' and '.join(best)}"


def distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace or swap with their neighbour to turn one word into the other.

    Damerau's and Levenshtein's distance in its restricted form: no letter is edited twice.
    """
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            edits = [rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b)]
            if i > 1 and j > 1 and (a, one[i - 2]) == (other[j - 2], b):
                edits.append(rows[-2][j - 2] + 1)
            row.append(min(edits))
        rows.append(row)
    return rows[-1][-1]


def allowed(schema: dict[str, Any]) -> str:
    """What a key takes, in words: "a whole number from 1 to 10", "one of grid, refine"."""
    if "enum" in schema:
        choices = ", ".join(schema["enum"])
        return f"one of {choices}" if len(schema["enum"]) > 1 else choices
    if "x-form" in schema:
        return schema["x-form"]
    kinds = schema.get("type", "string")
    words = " or ".join(WORDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null")
    if "multipleOf" in schema:
        words = words.replace("a whole", "an even whole") if schema["multipleOf"] == 2 else words
    if "items" in schema:
        items = allowed(schema["items"]).replace("a number", "numbers").replace("whole number", "whole numbers")
        return f"a list of {items.removeprefix('an ')}"
    return f"{words}{_range(schema)}{', or null' if 'null' in kinds else ''}"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f" greater than {schema['exclusiveMinimum']} and at most {high}"
    return "" if low is None else f" from {low} to {high}"


def _kinds(schema: dict[str, Any]) -> set[str]:
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _validator(schema: dict[str, Any]) -> Any:
    """jsonschema's validator, for which nan and inf are no numbers (they would pass every range)."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    standard = Draft202012Validator.TYPE_CHECKER

    def finite(_: Any, value: Any) -> bool:
        return standard.is_type(value, "number") and math.isfinite(value)

    return extend(Draft202012Validator, type_checker=standard.redefine("number", finite))(schema)


def _told(error: Any, root: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """One fault of jsonschema's as ours: the place, and the sentence."""
    where = place(error.absolute_path)
    value, schema = error.instance, error.schema
    shown = json.dumps(value, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 200 else f"{shown[:200]}…"
    if "propertyNames" in error.absolute_schema_path:
        yield where, f"{where}: {shown} is not {allowed(schema)}"
        return
    match error.validator:
        case "additionalProperties":
            for key in sorted(set(value) - set(schema["properties"]), key=str):
                named = place([*error.absolute_path, str(key)])
                yield named, f"{named}: unknown key{_elsewhere(str(key), root) or nearest(key, schema['properties'])}"
        case "required":
            for key in (key for key in schema["required"] if key not in value):
                yield where, f"{where} lacks {key}, {allowed(schema['properties'][key])}".lstrip()
        case "type" if value is None:
            rest = "or leave the line out for the default"
            yield where, f"{where} is empty (null); give {allowed(schema)}, {schema.get('x-remedy', rest)}"
        case "type":
            remedy = f"; {schema['x-remedy']}" if "x-remedy" in schema else ""
            yield where, f"{where} is {shown}, not {allowed(schema)}{remedy}"
        case "minimum" | "maximum" | "exclusiveMinimum":
            yield where, f"{where} is {shown}; the range is{_range(schema)}".replace("is from", "is")
        case "enum" if value in schema.get("x-planned", {}):
            yield where, f"{where}: {value} is {schema['x-planned'][value]}"
        case "enum":
            yield (
                where,
                f"{where} is {shown}; the choices are {', '.join(schema['enum'])}{nearest(value, schema['enum'])}",
            )
        case "pattern" | "minLength":
            yield (
                where,
                f"{where} is {shown}, not {allowed(schema)}" if value else f"{where} is empty; give {allowed(schema)}",
            )
        case "maxLength":
            yield where, f"{where} has {len(value)} characters; at most {schema['maxLength']} are allowed"
        case "multipleOf":
            yield where, f"{where} is {shown}, not {allowed(schema)}"
        case "uniqueItems":
            twice = [item for place_, item in enumerate(value) if item in value[:place_]]
            yield where, f"{where} names {json.dumps(twice[0])} twice"
        case "minItems" | "minProperties":
            yield where, f"{where} is empty; at least one is needed"
        case "maxItems":
            yield where, f"{where} has {len(value)} entries; at most {schema['maxItems']} are allowed"
        case _:
            yield where, f"{where}: {error.message}"


def _elsewhere(key: str, root: dict[str, Any]) -> str:
    """Where a key belongs that stands in the wrong section."""
    homes = [name for name, part in root["properties"].items() if key in part.get("properties", {})]
    return f"; it belongs under {' or '.join(homes)}" if homes else ""
