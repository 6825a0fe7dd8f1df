"""config/config.yaml and config/README.md, written from the schemas so that they cannot say anything else."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .schema import SCHEMAS, allowed, filled, load

WIDTH = 110
HEAD = """\
# The configuration, every key with its default. config/README.md lists what each key may be.
# Written by `PYTHONPATH=scripts python -m laddersmith.config`; change values here as you like, or give only
# the keys that differ in a file of your own: snakemake --profile profiles/local --configfile mine.yaml
"""
README = """\
# Configuration

Written from the schemas in this folder by `PYTHONPATH=scripts python -m laddersmith.config`; a test fails when it
drifts.

Every key has a default, so a file of your own needs only what differs. Everything is checked before any job runs: an
unknown key, a value out of range and a contradiction are told all at once, one line each.

## One film of your own

```
make ladder SOURCE=movie.mp4
snakemake --profile profiles/local --config source=movie.mp4
```

No file needs editing; the title's id is made of the file's name. `--config` reads a value as YAML: put `./` before a
name that is a number or a word such as `true` (`source=./2012`); for a name with `: ` or ` #` in it, write
`source: "a: b.mp4"` in a file of your own and pass that with `--configfile`. Spaces, quotes, brackets and letters of
any language are fine. Braces are not, for Snakemake reads them as wildcards: rename the film or link to it.

## Many films: `titles.tsv`

```
python -m laddersmith titles films/*.mp4 > config/titles.tsv
```

A table in UTF-8 with a header, one title per line, cells separated by one tab, no quoting. Empty cells take the
default; lines that begin with `#` are skipped. The columns `title` and `path` are needed, in any order; the others may
be left out.

{titles}

## Keys

A variant's codec, preset, pixel format and CRFs are checked against its encoder; an unknown one is answered with the
choices there are. Snakemake merges configuration files key by key: to drop a variant, delete it from `config.yaml`.

{keys}
"""


def config_yaml() -> str:
    """The text of config/config.yaml: every key, its default, and a sentence."""
    schema = load("config")
    values = filled(schema, {})
    parts = [HEAD]
    for name, part in schema["properties"].items():
        lines = list(_entry(name, part, values[name], ""))
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def readme() -> str:
    """The text of config/README.md: how to run one's own films, the columns of the table, every key."""
    config, titles = load("config"), load("titles")
    return README.format(titles=_table("column", titles, defaults=False), keys="\n\n".join(_sections(config)))


def write() -> None:
    """Write both beside the schemas."""
    folder = SCHEMAS.parent
    for name, text in (("config.yaml", config_yaml()), ("README.md", readme())):
        Path(folder / name).write_text(text, encoding="utf-8")


def _entry(name: str, schema: dict[str, Any], value: Any, indent: str) -> Iterator[str]:
    """A key with its comment above it; sections and maps go on below, indented."""
    yield from _comment(schema["description"], indent)
    inner = indent + "  "
    if "properties" in schema:
        yield f"{indent}{name}:"
        for key, part in schema["properties"].items():
            yield from _entry(key, part, value[key], inner)
    elif isinstance(value, dict):
        items = schema["additionalProperties"]
        for key, part in {**items.get("properties", {}), **items.get("items", {}).get("properties", {})}.items():
            yield from _comment(f"{key}: {part['description']}", f"{indent}", "  ")
        yield f"{indent}{name}:{'' if value else ' {}'}"
        for key, item in value.items():
            yield from _listed(key, item, inner)
    else:
        yield f"{indent}{name}: {_flow(value)}"


def _listed(key: str, item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, dict):
        yield f"{indent}{key}:"
        yield from (f"{indent}  {inner}: {_flow(value)}" for inner, value in item.items() if value is not None)
    elif isinstance(item, list):
        yield f"{indent}{key}:"
        yield from (f"{indent}  - {_flow(value)}" for value in item)
    else:
        yield f"{indent}{key}: {_flow(item)}"


def _comment(text: str, indent: str, hang: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# {hang}", subsequent_indent=f"{indent}# {hang * 2}")


def _flow(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("...\n").strip()


def _sections(config: dict[str, Any]) -> Iterator[str]:
    """The keys at the top, then a table for each section."""
    parts = config["properties"]
    plain = {name: part for name, part in parts.items() if part["type"] != "object"}
    yield _table("key", {"properties": plain})
    for name, part in parts.items():
        if "properties" in part:
            yield from _section(name, part)
        elif part["type"] == "object":
            yield f"### `{name}`\n\n{part['description']} Each has {allowed(part['propertyNames'])}, and:"
            yield _table("key", part["additionalProperties"])


def _section(name: str, part: dict[str, Any]) -> Iterator[str]:
    """A section's own keys in a table, then the sections within it."""
    inner = {key: schema for key, schema in part["properties"].items() if "properties" in schema}
    plain = {key: schema for key, schema in part["properties"].items() if key not in inner}
    yield f"### `{name}`\n\n{part['description']}\n\n{_table('key', part | {'properties': plain})}"
    for key, schema in inner.items():
        yield from _section(f"{name}.{key}", schema)


def _table(first: str, schema: dict[str, Any], defaults: bool = True) -> str:
    needed = schema.get("required", [])
    titles = [first, "default", "takes", "meaning"] if defaults else [first, "takes", "meaning"]
    rows = [titles, ["---"] * len(titles)]
    for key, part in schema["properties"].items():
        default = ["needed" if key in needed else _default(part)] if defaults else []
        meaning = part["description"] if defaults or key not in needed else f"{part['description']} Needed."
        rows.append([f"`{key}`", *default, _takes(part), meaning])
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


def _default(part: dict[str, Any]) -> str:
    default = part["default"]
    if isinstance(default, dict):
        return "see `config.yaml`" if len(str(default)) > 80 else f"`{_flow(default)}`"
    return "none" if default is None else f"`{json.dumps(default) if default == '' else _flow(default)}`"


def _takes(part: dict[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(f"`{choice}`" for choice in part["enum"])
    if part["type"] != "object":
        return allowed(part)
    entries = part["additionalProperties"]
    fields = entries.get("items", {}).get("properties")
    takes = (
        f"a list of {{{', '.join(f'{key}: {allowed(field)}' for key, field in fields.items())}}}"
        if fields
        else allowed(entries)
    )
    return f"for each {part['x-name']}, {takes}"
