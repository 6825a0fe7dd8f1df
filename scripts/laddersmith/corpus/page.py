"""The page docs/corpus.md and the JSON Schema of a row, written from the columns."""

from collections.abc import Iterable
from typing import Any

from ..corpus_columns import COLUMNS, GROUPS, SCHEMA
from .row54 import INTERNAL, KINDS, MEASURES

PAGE = """\
# The corpus

Written by `python -m laddersmith corpus page`; a test fails when it drifts from the columns.

    snakemake --profile profiles/local corpus

writes everything that was measured of the titles, over variants, heights and CRFs, as one dataset:
`results/corpus/corpus.parquet` and `results/corpus/corpus.jsonl`, a row for every point of every shot, and of the
whole title where one was encoded without regard to cuts (the fixed ladder). For a plain sweep set `search.strategy:
grid` and give each preset that you want to see a variant; what is in the store is not encoded again. Looks
(`search.score_every`, `search.window_s`) are no measurements of whole shots, and are left out.

Both files have the same rows to the last bit: JSON numbers have all their digits. The JSON is strictly valid: an
empty cell is `null`, and NaN and infinities do not occur. The form of a row is closed; its JSON Schema is
[config/schemas/corpus.json](../config/schemas/corpus.json). An encoder that does not tell something has an empty cell
there, never a zero; [codecs.md](codecs.md) says what each tells.

```python
import pandas as pd
corpus = pd.read_parquet("results/corpus/corpus.parquet")
corpus[corpus["span"] == "shot"].groupby(["title", "variant", "height"])["encode_cpu_s"].sum()
```

## Times

`timing` says how the times of a row were taken.

- `shared`: encodes ran beside each other. `encode_cpu_s` is the kernel's own account of the encoding process and
  changes little by that: compare by it. `encode_wall_s` was taken while other jobs were at work: do not compare by
  it. Points that were found in the store have the times of the machine that encoded them.
- `unknown`: the row was imported, with a wall time that nobody knows the conditions of, and no CPU time.

No plan and no ladder goes by a time; the targets `presets` and `pareto` alone do, and say so.

## Columns

{columns}

## Row of 54

    python -m laddersmith corpus import theirs.jsonl --to corpus.parquet
    python -m laddersmith corpus export results/corpus/corpus.parquet --form row54 --to theirs.jsonl
    python -m laddersmith corpus export results/corpus/corpus.parquet --form corpus --to corpus.jsonl

The first two read and write the rows of [vmaf-tune](https://github.com/lusoris/vmaf)'s corpus, version 3, with 54
columns; JSON Lines or Parquet by the file's suffix. A row of another version, with a column missing, unknown or of
another kind, is refused with its line.

Import and export give back every row to the letter: what no column of ours says the same of is kept in `foreign`, a
JSON object of their columns, which wins when the row is written in their form. It always has `run_id`, `timestamp`
and `extra_params`, and whatever did not survive a conversion. A bare NaN, which their writer puts where it knows
nothing, is read as empty and written as `null`. Rows of ours that are written in their form have `null` for what we
do not know.

{mapping}

Their rows are of whole files; of ours that are of shots, `clip_mode` is `shot_3`, a word that their own tools do not
write, so that none is taken for a whole file.
"""

# What each of their columns is to us: our column, and what is to be known of it.
MEANS: dict[str, tuple[str, str]] = {
    "schema_version": ("", "always 3; it is checked"),
    "run_id": ("`foreign`", "ours: `null`"),
    "timestamp": ("`foreign`", "ours: `null`"),
    "src": ("`source`, `title`", "the title is the file's name without its suffix"),
    "src_sha256": ("`source_sha256`", ""),
    "width": ("`width`", ""),
    "height": ("`picture_height`", "in pixels; our `height` is the box, which is empty in imported rows"),
    "pix_fmt": ("`pix_fmt`", ""),
    "framerate": ("`frame_rate`", "as the shortest decimal that reads as the same number: 23.976 is 2997/125"),
    "duration_s": (
        "`source_duration_s`, `duration_s`",
        "the second only where `clip_mode` is `full`; ours: that of the span",
    ),
    "encoder": ("`encoder`, `codec`", "the codec is empty for an encoder that we do not know"),
    "encoder_version": ("`encoder_version`", ""),
    "preset": ("`preset`", ""),
    "crf": ("`crf`", "as a decimal; ours: `null` where a bitrate was kept (`rate`)"),
    "extra_params": ("`foreign`", "ours: `null`; `command` has all arguments"),
    "encode_path": ("`file`", "empty for none"),
    "encode_size_bytes": ("`file_bytes`", "of the file; ours: `bytes`, those of the video packets alone"),
    "bitrate_kbps": ("`bitrate_kbps`", "theirs counts the container, ours does not"),
    "encode_time_ms": ("`encode_wall_s`", "divided by 1000 in decimal digits; a wall time: see Times"),
    "vmaf_score": ("`vmaf_mean`", ""),
    "vmaf_model": ("`model`", ""),
    "score_time_ms": ("`score_wall_s`", "divided by 1000 in decimal digits; ours: `null`"),
    "ffmpeg_version": ("`ffmpeg_version`", ""),
    "vmaf_binary_version": ("`score_version`", "ours: the version of the engine"),
    "exit_status": ("`foreign`", "in it where it is not 0; ours: 0, for only what succeeded has a row"),
    "clip_mode": ("`span`", "`full` is `title`; all else is `sample`, its own word in `foreign`"),
    "hdr_transfer": (
        "`source_transfer`",
        "`pq` is `smpte2084`, `hlg` is `arib-std-b67`; empty for SDR, whose transfer is not told",
    ),
    "hdr_primaries": ("`source_primaries`", "theirs: of HDR alone"),
    "hdr_forced": ("`foreign`", "in it where it is true; ours: false"),
    "shot_count": ("`shots`", "0 means that it is not known: empty"),
    "shot_avg_duration_sec": ("`shot_mean_s`", "likewise"),
    "shot_duration_std_sec": ("`shot_std_s`", "likewise"),
    **{name: (f"`{name}`", "over the frames") for name in MEASURES},
    **{
        f"enc_internal_{theirs}": (f"`first_{ours}`", "ours, where there was one pass: the same of that pass")
        for theirs, ours in INTERNAL.items()
    },
}
INTERNAL_ZERO = "all ten at 0 mean that the encoder does not tell: empty"


def page() -> str:
    """The text of docs/corpus.md."""
    columns = "\n\n".join(
        f"### {title}\n\n" + _table(("column", "kind", "means"), ((f"`{c.name}`", c.kind, c.means) for c in group))
        for title, group in GROUPS.items()
    )
    rows = [(f"`{key}`", KINDS[key], *MEANS[key]) for key in KINDS]
    mapping = _table(("theirs", "kind", "ours", "what to know"), rows)
    return PAGE.format(columns=columns, mapping=f"{mapping}\n\nOf `enc_internal_`, {INTERNAL_ZERO}.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a row, which is closed: every column is there, empty ones as null."""
    kinds = {"string": "string", "int32": "integer", "int64": "integer", "float64": "number"}
    properties: dict[str, Any] = {
        column.name: {
            "description": column.means,
            "type": [kinds[column.kind], "null"] if column.nullable else kinds[column.kind],
        }
        for column in COLUMNS
    }
    properties["schema"]["const"] = SCHEMA
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A row of the corpus",
        "type": "object",
        "additionalProperties": False,
        "required": [column.name for column in COLUMNS],
        "properties": properties,
    }


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
