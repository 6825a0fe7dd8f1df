"""`python -m laddersmith score` as a person meets it."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from clips import ROOT
from laddersmith.__main__ import main as laddersmith
from laddersmith.quality import files, score
from test_quality import MOVING, encode


def main(argv: list[str]) -> int:
    return laddersmith(["score", *argv])


@pytest.fixture(scope="module")
def pair(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    source = make_clip("command.mp4", f"{MOVING},format=yuv420p", 4)
    return source, encode(source, tmp_path_factory.mktemp("command") / "low.mp4", filters="scale=160:90")


def test_a_table_is_printed_and_files_are_lossless(pair, tmp_path, capsys) -> None:
    source, low = map(str, pair)
    outputs = ["--json", str(tmp_path / "s.json"), "--csv", str(tmp_path / "s.csv")]
    assert main([source, low, source, *outputs]) == 0
    printed = capsys.readouterr().out
    frames = score(source, [low, source])
    assert f"{frames['vmaf'][:4].mean():.4f}" in printed
    body = json.loads((tmp_path / "s.json").read_text())
    assert [row["vmaf"] for row in body["frames"]] == frames["vmaf"].tolist()
    assert body["pooled"][0]["vmaf_mean"] == frames["vmaf"][:4].mean()
    assert [row["distorted"] for row in body["pooled"]] == [low, source]
    assert pd.read_csv(tmp_path / "s.csv").to_dict("list") == frames.to_dict("list")


def test_one_file_named_twice_is_scored_once(pair, capsys) -> None:
    source, low = map(str, pair)
    assert main([source, low, low]) == 0
    assert capsys.readouterr().out.count("low.mp4") == 1


def test_a_display_and_a_model_are_heard(pair, tmp_path) -> None:
    source, low = map(str, pair)
    main([source, low, "--display", "160x90", "--model", "vmaf_v0.6.1neg", "--json", str(tmp_path / "s.json")])
    body = json.loads((tmp_path / "s.json").read_text())
    expected = score(source, [low], display="160x90", model="vmaf_v0.6.1neg")
    assert [row["vmaf"] for row in body["frames"]] == expected["vmaf"].tolist()


@pytest.mark.parametrize(
    "change, message",
    [
        (["--model", "vmaf_v9"], "model vmaf_v9 is not built into this ffmpeg"),
        (["--engine", "numbah"], "no scoring engine is called 'numbah'"),
        (["--display", "large"], "display 'large' is not WIDTHxHEIGHT"),
        (["--display", "320x320"], "would distort its 320x180; set 320x180"),
        (["gone.mp4"], "gone.mp4: there is no such file"),
        (["--json", "/nowhere/at/all.json"], "/nowhere/at/all.json: No such file or directory"),
    ],
)
def test_an_error_is_one_sentence_and_status_1(pair, capsys, change, message) -> None:
    source, low = map(str, pair)
    assert main([source, low, *change]) == 1
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.startswith("laddersmith score: ")
    assert "Traceback" not in shown.err
    assert not shown.out


def test_the_engine_is_told_and_chosen_by_the_model(pair, tmp_path, monkeypatch) -> None:
    source, low = map(str, pair)
    seen = []
    real = files.engine_named
    monkeypatch.setattr(files, "engine_named", lambda name: seen.append(name) or real(name))
    for model in ("vmaf_v0.6.1_phone", "vmaf_4k_v0.6.1neg"):
        main([source, low, "--model", model, "--json", str(tmp_path / f"{model}.json")])
    body = [
        json.loads((tmp_path / f"{model}.json").read_text()) for model in ("vmaf_v0.6.1_phone", "vmaf_4k_v0.6.1neg")
    ]
    assert [one["engine"] for one in body] == seen == ["numba", "libvmaf"]
    assert "kernels-" in body[0]["version"]
    assert "ffmpeg-" in body[1]["version"]


def test_threads_change_nothing_but_must_be_a_number(pair, tmp_path, capsys) -> None:
    source, low = map(str, pair)
    for threads in ("1", "3"):
        main([source, low, "--threads", threads, "--csv", str(tmp_path / f"{threads}.csv")])
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "3.csv").read_bytes()
    for wrong in ("0", "two", "-1", "1025"):
        with pytest.raises(SystemExit, match="2"):
            main([source, low, f"--threads={wrong}"])
        assert "is not a whole number from 1 to 1024" in capsys.readouterr().err


def test_a_terminal_sees_a_bar_and_a_pipe_sees_none(pair) -> None:
    source, low = map(str, pair)
    command = [sys.executable, "-m", "laddersmith", "score", source, low]
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    child = subprocess.Popen(command, cwd=ROOT / "scripts", stdout=subprocess.PIPE, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal without writers ends
        while more := os.read(ours, 65536):
            shown += more
    os.close(ours)
    printed, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert b"scoring" in shown
    assert b"frames" in shown
    piped = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, check=True)
    assert piped.stderr == b""
    assert piped.stdout == printed
    assert b"vmaf_mean" in piped.stdout


def test_nothing_to_score_is_wrong_usage(pair, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(pair[0])])
    assert "DISTORTED" in capsys.readouterr().err
