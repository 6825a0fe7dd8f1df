"""What a failed job leaves in its log, what is read from it, and the summary that lists failed titles with causes."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import ROOT
from jsonschema import Draft202012Validator
from laddersmith.door import REMEDIES, told
from laddersmith.errors import FileError, ScoreError
from laddersmith.folders import unwritable
from laddersmith.jsonfile import read_json
from laddersmith.report import summarise, summarise_what_is_there
from laddersmith.report.failures import KILLED, Failure, failures, read_log
from report_inputs import inputs

DOOR = """
import errno, os, signal, sys, time
from types import SimpleNamespace
from laddersmith.door import door
from laddersmith.errors import ScoreError

def main():
    {body}

door(main, SimpleNamespace(
    rule="score", log=[{log!r}], wildcards={{"title": "bikes"}}, params={{}}, input={{}}, output={{}}, threads=1,
    config={{}},
))
"""

LIMITED = (
    "import resource; from laddersmith import ffmpeg; from laddersmith.jsonfile import write_text; "
    "ffmpeg.executable(); resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
)


def job(log: Path, body: str) -> subprocess.Popen:
    """A job behind the real door, in a process of its own."""
    log.parent.mkdir(parents=True, exist_ok=True)
    code = DOOR.format(body=body, log=str(log))
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", code]

    def heed_interrupts() -> None:
        """Also where the tests run behind a shell that takes Ctrl-C for itself."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, cwd=log.parent, preexec_fn=heed_interrupts
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise ScoreError('bikes, shot 3: no; encode it again\\n  command: x')", "bikes, shot 3: no; encode it again"),
        (
            "raise OSError(errno.ENOSPC, 'No space', 'a.parquet')",
            "a.parquet: the disk is full; free space, then",
        ),
        ("raise OSError(errno.EROFS, 'Read-only', 'a')", "a: the disk is read-only"),
        ("open('/nowhere/x')", "/nowhere/x: No such file or directory; see to it, then run again"),
        ("raise MemoryError", "memory is used up; give the job more"),
        # A limit on the size of files stands in for a full disk, which only root can make (tests/system).
        (LIMITED + "write_text('x.json', 'x' * 99999)", "x.json: the file would pass the limit on the size of files"),
        (
            LIMITED + "ffmpeg.run(['-f', 'lavfi', '-i', 'testsrc2', '-frames:v', '9', 'x.y4m'], what='bikes, shot 3')",
            "bikes, shot 3: ffmpeg failed (signal 25); its file would pass the limit on the size of files",
        ),
        ("{}['key']", "an error that nobody foresaw (KeyError: 'key'); please report it with the log"),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", "interrupted; run again"),
        (
            "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
            "was told to stop (SIGTERM: cancelled, or past",
        ),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended before it was done and could leave no word"),
    ],
)
def test_every_end_of_a_job_is_one_sentence(tmp_path, body, sentence):
    log = tmp_path / "logs" / "bikes" / "score.log"
    process = job(log, body)
    said = process.communicate(timeout=60)[1]
    assert process.returncode
    rule, found = read_log(log)
    assert rule == "score" and found.startswith(sentence) and "\n" not in found
    if process.returncode == 1 and "Traceback" not in said:
        assert said.startswith(f"score: {sentence}")


def test_a_job_that_is_told_to_stop_unwinds_and_ends_in_time(tmp_path):
    log = tmp_path / "score.log"
    process = job(
        log,
        f"""
    try: time.sleep(60)
    finally: open({str(tmp_path / "tidy")!r}, "w")""",
    )
    while not log.exists() or "rule score" not in log.read_text():
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 143 and (tmp_path / "tidy").exists()


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    process = job(tmp_path / "log", "pass")
    process.communicate(timeout=60)
    (tmp_path / "folder.log").mkdir()
    process = job(tmp_path / "folder.log", "pass")
    assert process.communicate(timeout=60)[1].startswith(f"score: {tmp_path / 'folder.log'}: ")


def test_errors_of_the_system_have_a_way_on():
    for number in REMEDIES:
        assert told(OSError(number, os.strerror(number), "x")).startswith(f"x: {REMEDIES[number]}, then run again")
    assert told(ScoreError("as it is")) == "as it is"
    assert told(OSError(errno.EXDEV, "Cross-device link")).startswith("Cross-device link; see to it")


def log_of(folder: Path, title: str, name: str, text: str, age_s: float = 0) -> Path:
    log = folder / "logs" / title / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)
    os.utime(log, (time.time() - age_s,) * 2)
    return log


BEGAN = "2026-11-21 14:30:59,500 INFO rule {} {{'title': 'x'}}\n"
FAILED = BEGAN + "2026-11-21 14:31:00,000 ERROR x, shot 1: {}\nTraceback (most recent call last):\n  no\n"
DONE = BEGAN + "2026-11-21 14:31:00,000 INFO took 1 s\n2026-11-21 14:31:00,000 INFO done\n"


def test_the_first_error_counts_before_later_ones_and_kills(tmp_path):
    log_of(tmp_path, "x", "probe", DONE.format("probe"), 50)
    log_of(tmp_path, "x", "b0/r0/x264-90p", BEGAN.format("encode"), 40)
    log_of(tmp_path, "x", "b0/r0/x264-54p", FAILED.format("encode", "why; mend it"), 30)
    log_of(tmp_path, "x", "b0/r0/x265-54p", FAILED.format("encode", "later"), 20)
    log_of(tmp_path, "y", "probe", DONE.format("probe"))
    log_of(tmp_path, "z", "probe", BEGAN.format("probe"))
    log_of(tmp_path, "void", "probe", "")
    titles = ["x", "y", "z", "void", "none"]
    found = failures(tmp_path, titles)
    assert found == {
        "x": Failure("x", "encode", "x, shot 1: why; mend it", "logs/x/b0/r0/x264-54p.log", 2),
        "z": Failure("z", "probe", KILLED, "logs/z/probe.log"),
        "void": Failure("void", "probe", KILLED, "logs/void/probe.log"),
    }
    assert set(failures(tmp_path, titles, running=True)) == {"x"}
    # Of a later run, what failed in it.
    assert failures(tmp_path, ["x"], since=time.time() - 25)["x"].sentence == "x, shot 1: later"


def test_a_failure_is_forgotten_once_the_title_passed_its_gate(tmp_path):
    log_of(tmp_path, "x", "probe", FAILED.format("probe", "why"), 10)
    gate = tmp_path / "results" / "x" / "gate.json"
    gate.parent.mkdir(parents=True)
    gate.touch()
    assert failures(tmp_path, ["x"]) == {}
    os.utime(gate, (0, 0))
    assert set(failures(tmp_path, ["x"])) == {"x"}


def test_the_summary_lists_failed_titles_beside_finished_ones(tmp_path):
    assert summarise_what_is_there(tmp_path, ["bikes", "broken"]) == [] and not (tmp_path / "results").exists()
    log_of(tmp_path, "broken", "probe", FAILED.format("probe", "<b>no</b> video; copy it again"))
    log_of(tmp_path, "late", "gate", FAILED.format("gate", "1 promise(s) broken"))
    for title in ("bikes", "late"):
        package = tmp_path / "results" / title / "package"
        package.mkdir(parents=True)
        (package / "ladder.json").write_text(json.dumps(inputs(title)["package"]))
    found = summarise_what_is_there(tmp_path, ["bikes", "broken", "late", "waiting"])
    assert [one.title for one in found] == ["broken", "late"]
    facts = read_json(tmp_path / "results" / "summary.json")
    Draft202012Validator(json.loads((ROOT / "config/schemas/summary.json").read_text())).validate(facts)
    assert [one["title"] for one in facts["titles"]] == ["bikes", "late"] and facts["unfinished"] == ["waiting"]
    assert [(one["title"], one["rule"]) for one in facts["failed"]] == [("broken", "probe"), ("late", "gate")]
    page = (tmp_path / "results" / "summary.html").read_text()
    assert "&lt;b&gt;no&lt;/b&gt; video; copy it again" in page and 'href="../logs/broken/probe.log"' in page
    assert "2 failed." in page and "Not finished yet: waiting." in page
    # Older than any package: the rule `summary` makes it anew in the next run.
    assert (tmp_path / "results" / "summary.html").stat().st_mtime == 0
    assert "Failed" not in summarise([inputs()["package"]])


def test_a_damaged_json_file_says_which_and_what_to_do(tmp_path):
    for content in (b"", b"{", b"\xff\xfe"):
        (tmp_path / "ladder.json").write_bytes(content)
        with pytest.raises(FileError, match=r"ladder.json: is empty or damaged, no JSON .*; delete it and run again"):
            read_json(tmp_path / "ladder.json")


def test_a_folder_that_cannot_be_written_is_told_before_any_job(tmp_path):
    assert unwritable([tmp_path / "results", tmp_path / "store"]) == ""
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    found = unwritable([tmp_path / "results", tmp_path / "file"])
    assert found.startswith(f"{tmp_path / 'file'}: cannot be written (Not a directory); give the user")
