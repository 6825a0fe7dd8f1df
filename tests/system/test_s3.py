"""A source in an object store, and results kept there: the workflow against a real server that speaks S3."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import ROOT, ffmpeg_run
from object_store import KEY, SECRET, ObjectStore

sys.path.insert(0, str(ROOT / "tests" / "workflow"))
from workplace import TINY, Workplace

pytestmark = pytest.mark.system

PICTURE = "testsrc2=size=160x68:rate=25"
PROGRAMS = ("swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server", "memcached")


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    """A server of the test's own. A missing part fails the test."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)}: missing; `make test-system` installs them when run as root on Debian")
    (tmp_path / "objects").mkdir()
    server = ObjectStore(tmp_path / "objects")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def client(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Amazon's own client, told of the server as Snakemake's plugin is."""
    import boto3

    for name in ("REQUEST_CHECKSUM_CALCULATION", "RESPONSE_CHECKSUM_VALIDATION"):
        monkeypatch.setenv(f"AWS_{name}", "when_required")
    where = {"ENDPOINT_URL": objects.url, "ACCESS_KEY": KEY, "SECRET_KEY": SECRET}
    for name, value in where.items():
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
    return boto3.client(
        "s3",
        endpoint_url=objects.url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


def keys_in(client: Any, bucket: str) -> set[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


def test_a_ladder_is_made_of_a_source_in_s3_and_kept_there(client: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg_run("-f", "lavfi", "-i", PICTURE, "-frames:v", "20", "-c:v", "libx264", "-crf", "5", film)
    client.create_bucket(Bucket="films")
    client.upload_file(str(film), "films", "new/film.mp4")
    place = Workplace(tmp_path / "work", json.loads(json.dumps(TINY)))
    place.config["heights"] = [54]
    place.config["fixed_ladder"] = {"rungs": {"x264": []}}
    place.config["variants"]["x264"]["crfs"] = [22, 38]
    place.titles({"tiny": "s3://films/new/film.mp4"})
    kept = ("--default-storage-provider", "s3", "--default-storage-prefix", "s3://ladders/one")
    place.run("ladders", *kept)
    keys = keys_in(client, "ladders")
    assert {f"one/results/tiny/{name}" for name in ("ladder.json", "source.json", "shots.parquet")} <= keys
    ladder = json.loads(client.get_object(Bucket="ladders", Key="one/results/tiny/ladder.json")["Body"].read())
    named = [point for rung in ladder["rungs"] for point in rung["points"]]
    assert named and {f"one/results/tiny/{point['file']}" for point in named} <= keys
    assert not (place.path / "results/tiny/ladder.json").exists()
    place.forget_encodes()
    assert "Nothing to be done" in place.run("ladders", *kept)

    # The ladder is no file of this machine, and its points are safe all the same.
    command = [sys.executable, "-m", "laddersmith", "store", "prune", "--max-gb", "0", "--store", "store"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), os.environ.get("PYTHONPATH", "")])
    }
    subprocess.run(command, cwd=place.path, env=environment, check=True, capture_output=True)
    assert {point["key"] for point in named} <= place.points()
    assert place.encodes() == []
