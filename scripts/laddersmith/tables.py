"""The tables that pass between stages: one schema each, checked whenever a table is written or read."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .columns import STATISTICS, Column
from .corpus_columns import COLUMNS as CORPUS_COLUMNS
from .errors import TableError
from .ffmpeg import temporary_beside

KEY = ["shot", "variant", "height", "crf"]

# A variant of the fixed ladder is named after the variant whose settings it caps: "x264@365k".
FIXED_MARK = "@"

# How the points of a title were put together: one CRF for all shots, one for each, or a height for each as well.
SINGLE, PER_SHOT, ANY_HEIGHT = "single", "per_shot", "per_shot_any_height"

# The number of the shot that is the whole title: what is encoded without regard to cuts, such as the fixed ladder.
WHOLE_TITLE = -1


# What held of every row of the tables that were written before they had a column.
BEFORE: dict[str, Any] = {"rate": "quality"}


@dataclass(frozen=True)
class Schema:
    """Columns of a table. `open_ended` tables may carry further float64 columns (the features of a metric). In `whole`
    tables every frame is scored: `frames_scored` equals `frames`. A table made before they were taken may lack columns
    of `added`: they are read as empty; and those of BEFORE, which are read as told there."""

    name: str
    columns: pa.Schema
    unique: tuple[str, ...] = ()
    open_ended: bool = False
    whole: bool = False
    added: tuple[str, ...] = ()


def _schema(
    name: str,
    unique: Iterable[str],
    *fields: tuple[str, pa.DataType],
    open_ended: bool = False,
    whole: bool = False,
    added: Iterable[Column] = (),
) -> Schema:
    # A caps column may be empty, and what was `added`; every other column must be filled.
    columns = [pa.field(n, t, nullable=n in ("maxrate_kbps", "bufsize_kbps")) for n, t in fields]
    columns += _fields(added)
    return Schema(name, pa.schema(columns), tuple(unique), open_ended, whole, tuple(column.name for column in added))


def _fields(columns: Iterable[Column]) -> list[pa.Field]:
    return [pa.field(column.name, getattr(pa, column.kind)(), nullable=column.nullable) for column in columns]


_POINT = [
    ("shot", pa.int32()),
    ("codec", pa.string()),
    ("variant", pa.string()),
    ("preset", pa.string()),
    ("pix_fmt", pa.string()),
    ("height", pa.int32()),
    ("width", pa.int32()),
    ("crf", pa.string()),
    ("rate", pa.string()),
    ("maxrate_kbps", pa.float64()),
    ("bufsize_kbps", pa.float64()),
    ("reason", pa.string()),
]
_SCORE = [
    ("model", pa.string()),
    ("engine", pa.string()),
    ("vmaf_mean", pa.float64()),
    ("vmaf_harmonic", pa.float64()),
    ("vmaf_min", pa.float64()),
    ("vmaf_p5", pa.float64()),
    ("vmaf_std", pa.float64()),
    ("psnr_cb", pa.float64()),
    ("psnr_cr", pa.float64()),
    ("frames_scored", pa.int32()),
]
_ENCODE = [
    ("key", pa.string()),
    ("file", pa.string()),
    ("bytes", pa.int64()),
    ("frames", pa.int32()),
    ("bitrate_kbps", pa.float64()),
    ("peak_kbps", pa.float64()),
    ("encode_wall_s", pa.float64()),
    ("encode_cpu_s", pa.float64()),
    ("command", pa.string()),
]

SHOTS = _schema(
    "shots",
    ["shot"],
    ("shot", pa.int32()),
    ("start", pa.int32()),
    ("end", pa.int32()),
    ("start_s", pa.float64()),
    ("end_s", pa.float64()),
    ("transition", pa.string()),
    ("detector", pa.string()),
    ("spatial_complexity", pa.float64()),
    ("temporal_complexity", pa.float64()),
    ("frames_sha256", pa.string()),
    ("context_sha256", pa.string()),
)
PLAN = _schema("plan", KEY, *_POINT)
ENCODES = _schema("encodes", KEY, *_POINT, *_ENCODE, added=STATISTICS)
SCORES = _schema("scores", KEY, *_POINT, *_ENCODE, *_SCORE, open_ended=True, whole=True, added=STATISTICS)
# What looks at shots (`look_at`) gave, of some frames or of all: for planning only.
LOOKS = _schema("looks", KEY, *_POINT, *_ENCODE, *_SCORE, open_ended=True, added=STATISTICS)
FRAMES = _schema(
    "frames",
    [*KEY, "frame"],
    ("shot", pa.int32()),
    ("variant", pa.string()),
    ("height", pa.int32()),
    ("crf", pa.string()),
    ("frame", pa.int32()),
    ("vmaf", pa.float64()),
    ("psnr_cb", pa.float64()),
    ("psnr_cr", pa.float64()),
    open_ended=True,
)

EXHAUSTIVE = _schema(
    "exhaustive",
    ["clip", *KEY],
    ("clip", pa.string()),
    *_POINT,
    *_ENCODE,
    *_SCORE,
    ("display_width", pa.int32()),
    ("display_height", pa.int32()),
    ("spatial_complexity", pa.float64()),
    ("temporal_complexity", pa.float64()),
    open_ended=True,
    added=STATISTICS,
)

KNOWN = _schema(
    "known shots",
    ["frames_sha256", "settings", "model", "pooling", "display", "share", "crf"],
    ("frames_sha256", pa.string()),
    ("settings", pa.string()),
    ("model", pa.string()),
    ("pooling", pa.string()),
    ("display", pa.string()),
    ("source_sha256", pa.string()),
    ("codec", pa.string()),
    ("spatial_complexity", pa.float64()),
    ("temporal_complexity", pa.float64()),
    ("share", pa.float64()),
    ("crf", pa.float64()),
    ("rate", pa.float64()),
    ("quality", pa.float64()),
    ("solved", pa.int64()),
)

_HULLS = [("quality", pa.float64()), ("on_hull", pa.bool_()), ("on_cross_hull", pa.bool_())]
POINTS = _schema("points", KEY, *_POINT, *_ENCODE, *_SCORE, *_HULLS, open_ended=True, whole=True, added=STATISTICS)
TITLE_POINTS = _schema(
    "hull",
    ["allocation", "variant", "height", "crf"],
    ("allocation", pa.string()),
    ("variant", pa.string()),
    ("height", pa.int32()),
    ("crf", pa.string()),
    ("codec", pa.string()),
    ("preset", pa.string()),
    ("pix_fmt", pa.string()),
    ("width", pa.int32()),
    ("rate", pa.string()),
    ("maxrate_kbps", pa.float64()),
    ("bytes", pa.int64()),
    ("frames", pa.int32()),
    ("peak_kbps", pa.float64()),
    ("bitrate_kbps", pa.float64()),
    ("quality", pa.float64()),
    ("vmaf_mean", pa.float64()),
    ("vmaf_min", pa.float64()),
    ("psnr_cb", pa.float64()),
    ("psnr_cr", pa.float64()),
    ("on_hull", pa.bool_()),
    ("on_cross_hull", pa.bool_()),
)
CORPUS = Schema("corpus", pa.schema(_fields(CORPUS_COLUMNS)))


def write(path: str | Path, table: pd.DataFrame, schema: Schema) -> None:
    """Write `table` as Parquet under a temporary name, then rename it to `path`.

    Raises
    ------
    TableError
        If a column is missing, unknown, of the wrong kind or empty, or a key stands twice.
    """
    checked = conform(table, schema)
    fields = list(schema.columns) + [
        pa.field(name, pa.float64(), nullable=False) for name in checked.columns if name not in schema.columns.names
    ]
    partial = temporary_beside(path)
    try:
        pq.write_table(pa.Table.from_pandas(checked, pa.schema(fields), preserve_index=False), partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: str | Path, schema: Schema) -> pd.DataFrame:
    """Read a table and check it against its schema (see `write`)."""
    try:
        table = pq.read_table(path, partitioning=None).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise TableError(f"{path}: not a readable {schema.name} table ({error}); delete it and run again") from error
    return conform(table, schema, str(path))


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """The table's rows as named tuples. (`itertuples` without the stubs' guesses at the cells' types.)"""
    yield from table.itertuples()


def of_points(table: pd.DataFrame, points: Iterable[dict]) -> pd.DataFrame:
    """The rows of a table with the columns of KEY that belong to a rung's `points`, in the table's order."""
    wanted = pd.DataFrame(list(points), columns=KEY)
    near = table[table["variant"].isin(wanted["variant"]) & table["height"].isin(wanted["height"])]
    return near[pd.MultiIndex.from_frame(near[KEY]).isin(pd.MultiIndex.from_frame(wanted))]


def look_at(shot: int) -> int:
    """The number of a look at a shot, which stands for the shot in the rounds of search; and of a look, its shot.

    Looks are numbered downwards from `WHOLE_TITLE`: -2 looks at shot 0, -3 at shot 1.
    """
    return WHOLE_TITLE - 1 - shot


def span_name(shot: int) -> str:
    """A shot in words: "shot 3", "whole title", or "look at shot 3"."""
    if shot < WHOLE_TITLE:
        return f"look at shot {look_at(shot)}"
    return "whole title" if shot == WHOLE_TITLE else f"shot {shot}"


def read_all(paths: Iterable[str | Path], schema: Schema) -> pd.DataFrame:
    """Read several tables of one schema as one, in the order of `paths`, numbering rows anew.

    A key may stand in several tables when a later round asked for a point again: the first is kept.
    """
    paths = list(paths)
    tables = [read(path, schema) for path in paths]
    filled = [table for table in tables if len(table)]
    for path, table in zip(paths, tables, strict=True):
        if len(table) and set(table.columns) != set(filled[0].columns):
            differing = ", ".join(sorted(map(str, set(table.columns) ^ set(filled[0].columns))))
            raise TableError(f"{path}: not the columns of the {schema.name} tables before it ({differing}); run again")
    joined = pd.concat(filled or tables[:1], ignore_index=True) if tables else empty(schema)
    if schema.unique:
        joined = joined.drop_duplicates(list(schema.unique), ignore_index=True)
    return joined


def empty(schema: Schema) -> pd.DataFrame:
    """A table of this schema with no rows."""
    return schema.columns.empty_table().to_pandas()


def since(table: pd.DataFrame, names: Iterable[str] = tuple(BEFORE)) -> pd.DataFrame:
    """`table` with those columns of BEFORE, out of `names`, that it was written without."""
    return table.assign(**{name: was for name, was in BEFORE.items() if name in names and name not in table})


def conform(table: pd.DataFrame, schema: Schema, where: str = "") -> pd.DataFrame:
    """`table` with the schema's columns first, in order and in its types.

    Raises
    ------
    TableError
        As `write` says.
    """
    where = f"{where}: " if where else ""
    names = schema.columns.names
    table = since(table, names)
    lacked = [name for name in schema.added if name not in table.columns]
    table = table.assign(**{name: np.full(len(table), np.nan) for name in lacked})
    missing = [name for name in names if name not in table.columns]
    extra = [name for name in table.columns if name not in names]
    if missing:
        raise TableError(f"{where}{schema.name} table lacks {', '.join(missing)}")
    if extra and not schema.open_ended:
        raise TableError(f"{where}{schema.name} table has unknown columns {', '.join(map(str, extra))}")
    if not table.columns.is_unique:
        raise TableError(f"{where}{schema.name} table has a column twice: {', '.join(map(str, table.columns))}")
    fields = [*schema.columns, *(pa.field(name, pa.float64(), nullable=False) for name in extra)]
    table = pd.DataFrame(
        {field.name: _cast(table[field.name], field, f"{where}{schema.name} table") for field in fields},
        index=table.index,
    )
    if schema.unique and table.duplicated(list(schema.unique)).any():
        twice = table[table.duplicated(list(schema.unique))].iloc[0]
        raise TableError(f"{where}{schema.name} table holds {twice[list(schema.unique)].to_dict()} twice")
    partly = table[table["frames_scored"] != table["frames"]] if schema.whole else table.iloc[:0]
    if len(partly):
        row = partly.iloc[0]
        raise TableError(
            f"{where}{schema.name} table holds {row[KEY].to_dict()} with {row['frames_scored']} of {row['frames']} "
            "frames scored; every frame must be: delete it and run again"
        )
    return table.reset_index(drop=True)


def _cast(column: pd.Series, field: pa.Field, where: str) -> pd.Series:
    """`column` in the field's type, if that changes no value: 1.5 is no integer, "7" no number, and 23.0 no string."""
    if not field.nullable and column.isna().any():
        raise TableError(f"{where} has empty cells in {field.name}")
    found = pd.api.types.infer_dtype(column, skipna=True)
    if pa.types.is_string(field.type):
        fits = found in ("string", "empty")
        cast = column
    elif pa.types.is_boolean(field.type):
        fits = found in ("boolean", "empty")
        cast = column.astype(bool) if fits else column
    else:
        kind = field.type.to_pandas_dtype()
        fits = found in ("integer", "floating", "mixed-integer-float", "decimal", "empty")
        if fits and pa.types.is_integer(field.type):
            limits = np.iinfo(kind)
            values = column.dropna().to_numpy(float)
            fits = bool(((values >= limits.min) & (values <= limits.max) & (values % 1 == 0)).all())
            kind = f"Int{field.type.bit_width}" if field.nullable else kind
        cast = column.astype(kind) if fits else column
    if not fits:
        raise TableError(f"{where} holds a value of the wrong kind: {field.name} must be {field.type}, not {found}")
    return cast
