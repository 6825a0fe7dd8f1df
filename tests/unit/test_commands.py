"""`python -m laddersmith`: how its commands end."""

import os
import signal

import pytest
from laddersmith.__main__ import COMMANDS, main
from laddersmith.jsonfile import read_json, write_json, write_text


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path, capsys):
    table = tmp_path / "points.csv"
    table.write_text("bitrate_kbps,vmaf\n100,50\n200,70\n")
    target = tmp_path / "gone" / "hull.json"
    assert main(["hull", str(table), "--json", str(target)]) == 1
    assert capsys.readouterr().err == f"laddersmith hull: {target}: No such file or directory\n"


@pytest.mark.parametrize("size", ["nan", "inf", "-1"])
def test_a_store_is_not_pruned_to_no_size(tmp_path, capsys, size):
    with pytest.raises(SystemExit, match="2"):
        main(["store", "prune", "--store", str(tmp_path), f"--max-gb={size}"])
    assert "prune needs --max-gb" in capsys.readouterr().err


def test_an_interrupt_is_one_sentence_and_status_130(tmp_path, capsys):
    # The pipe has no writer, so the command waits where it opens its table; the alarm stands for Ctrl-C.
    pipe = tmp_path / "points.csv"
    os.mkfifo(pipe)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        assert main(["hull", str(pipe)]) == 130
    finally:
        signal.signal(signal.SIGALRM, before)
    assert capsys.readouterr().err == "laddersmith hull: interrupted\n"


def test_every_command_explains_itself(capsys):
    for name in COMMANDS:
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"usage: python -m laddersmith {name}" in capsys.readouterr().out


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    write_json(tmp_path / "a.json", {"b": "é", "a": 1})
    assert read_json(tmp_path / "a.json") == {"a": 1, "b": "é"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        write_text(tmp_path / "folder", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "folder"]
