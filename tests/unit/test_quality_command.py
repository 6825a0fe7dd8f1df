"""`python -m laddersmith score` as a person meets it."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from laddersmith.__main__ import main as laddersmith
from laddersmith.quality import score
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


def test_nothing_to_score_is_wrong_usage(pair, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(pair[0])])
    assert "DISTORTED" in capsys.readouterr().err
