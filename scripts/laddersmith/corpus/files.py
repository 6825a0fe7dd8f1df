"""Files of the corpus: Parquet, or JSON Lines of strictly valid JSON, with the same rows to the last bit."""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .. import tables
from ..corpus_columns import SCHEMA
from ..errors import CorpusError
from ..ffmpeg import temporary_beside
from .row54 import from_row54, to_row54

SUFFIXES = (".parquet", ".jsonl")
PARTS = 1000  # rows that are written at once

Row = dict[str, Any]


def write_rows(path: str | Path, table: pd.DataFrame) -> None:
    """Write a corpus as Parquet or JSON Lines, by the suffix of `path`, at once or not at all.

    Raises
    ------
    CorpusError
        If the suffix is another, or a number is not finite.
    TableError
        If the table breaks `tables.CORPUS`.
    """
    join([table], [path])


def join(parts: Iterable[pd.DataFrame], paths: Iterable[str | Path]) -> int:
    """Write the rows of all `parts`, one part in memory at a time, to each of `paths`; returns how many rows.

    Raises
    ------
    CorpusError, TableError
        As `write_rows` says.
    """
    targets = [Path(path) for path in paths]
    for target in targets:
        _suffix(target)
    partials = [temporary_beside(target) for target in targets]
    count = 0
    try:
        writers = [_writer(partial) for partial in partials]
        for part in parts:
            table = finite(tables.conform(part, tables.CORPUS))
            rows = pa.Table.from_pandas(table, tables.CORPUS.columns, preserve_index=False)
            for write, _ in writers:
                write(rows)
            count += len(table)
        for _, close in writers:
            close()
        for partial, target in zip(partials, targets, strict=True):
            os.replace(partial, target)
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)
    return count


def read_rows(path: str | Path) -> pd.DataFrame:
    """A corpus (`tables.CORPUS`) from Parquet or JSON Lines.

    Raises
    ------
    CorpusError
        If the file cannot be read, is of another version, or a row is damaged: with its line.
    TableError
        If the table breaks its schema.
    """
    path = Path(path)
    rows = list(_records(path))
    for number, row in rows:
        if row.get("schema") != SCHEMA:
            found = row.get("schema", "none")
            raise CorpusError(f"{path}, row {number}: its schema is {found}, not {SCHEMA}; {_other(row)}")
    columns = tables.CORPUS.columns
    unknown = [(number, name) for number, row in rows for name in row if name not in columns.names]
    if unknown:
        raise CorpusError(f"{path}, row {unknown[0][0]}: has the unknown column {unknown[0][1]}; remove it")
    try:
        table = pa.Table.from_pylist([row for _, row in rows], schema=columns)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise CorpusError(f"{path}: holds a value of the wrong kind ({error}); mend the row or remove it") from error
    return finite(tables.conform(table.to_pandas(), tables.CORPUS, str(path)))


def import_row54(path: str | Path) -> pd.DataFrame:
    """A corpus of ours (`tables.CORPUS`) from a file of rows of 54 columns, JSON Lines or Parquet.

    NaN, which their writer puts bare into its JSON, is read as empty.

    Raises
    ------
    CorpusError
        If the file cannot be read, or a row is none of version 3.
    """
    path = Path(path)
    rows = [from_row54(row, f"{path}, row {number}") for number, row in _records(path, nan=True)]
    table = pa.Table.from_pylist(rows, schema=tables.CORPUS.columns).to_pandas()
    return tables.conform(table, tables.CORPUS, str(path))


def export_row54(path: str | Path, table: pd.DataFrame) -> int:
    """Write a corpus of ours as rows of 54 columns, JSON Lines or Parquet by the suffix; returns how many rows.

    Raises
    ------
    CorpusError
        If the suffix is another.
    """
    target = Path(path)
    _suffix(target)
    rows = [to_row54(row) for row in pa.Table.from_pandas(table, tables.CORPUS.columns).to_pylist()]
    partial = temporary_beside(target)
    try:
        if target.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), partial)
        else:
            partial.write_text("".join(map(_line, rows)), encoding="utf-8")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return len(rows)


def finite(table: pd.DataFrame) -> pd.DataFrame:
    """The table itself.

    Raises
    ------
    CorpusError
        If it holds an infinite number, which JSON has no word for.
    """
    for name in table.columns:
        column = table[name]
        if column.dtype == np.float64 and np.isinf(column).any():
            row = int(np.flatnonzero(np.isinf(column))[0])
            where = f"{table['title'].iloc[row]}, row {row + 1}"
            raise CorpusError(f"{where}: {name} is infinite, which is no measurement; measure its point again")
    return table


def _writer(path: Path) -> tuple[Callable[[pa.Table], None], Callable[[], None]]:
    """How rows are added to a file, and how it is closed."""
    if path.suffix == ".parquet":
        parquet = pq.ParquetWriter(path, tables.CORPUS.columns)
        return parquet.write_table, parquet.close
    lines = path.open("w", encoding="utf-8")

    def write(rows: pa.Table) -> None:
        for part in rows.to_batches(PARTS):
            lines.writelines(map(_line, part.to_pylist()))

    return write, lines.close


def _line(row: Row) -> str:
    return json.dumps(row, allow_nan=False, ensure_ascii=False) + "\n"


def _records(path: Path, *, nan: bool = False) -> Iterator[tuple[int, Row]]:
    """The rows of a file, numbered from 1; with `nan`, a bare NaN is taken for a number."""
    _suffix(path)
    if not path.exists():
        raise CorpusError(f"{path}: no such file; name one that is there")

    def constant(word: str) -> float:
        if nan and word == "NaN":
            return math.nan
        raise ValueError(f"{word} is not JSON")

    if path.suffix == ".parquet":
        try:
            rows = pq.read_table(path, partitioning=None).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise CorpusError(f"{path}: cannot be read as Parquet ({error}); write it anew") from error
        yield from enumerate(rows, 1)
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read as text ({error}); write it anew") from error
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=constant)
        except ValueError as error:
            raise CorpusError(f"{path}, row {number}: is not JSON ({error}); mend the row or remove it") from error
        if not isinstance(row, dict):
            raise CorpusError(f"{path}, row {number}: is not a JSON object; mend the row or remove it")
        yield number, row


def _suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise CorpusError(f"{path}: a corpus is a file .parquet or .jsonl; name it so")


def _other(row: Row) -> str:
    """What to do about rows of another form."""
    if "schema_version" in row:
        return "it is a row of vmaf-tune: `python -m laddersmith corpus import` reads it"
    return "write the corpus anew with this release"
