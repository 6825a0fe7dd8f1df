"""A viewer's browser plays a stream to its end, every frame, under the codecs string that the manifest gives."""

from collections.abc import Callable
from pathlib import Path

import package_kit
import pytest
from clips import ffmpeg_run

pytestmark = pytest.mark.system

FRAGMENTED = ("-c:v", "libx264", "-profile:v", "high", "-level", "3.0", "-pix_fmt", "yuv420p", "-g", "10")
FRAGMENTED += ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")

# Fetches one fragmented MP4, plays it through Media Source Extensions, and sends how that ended.
PLAYER = """<!doctype html><video muted></video><script>
const video = document.querySelector('video'), source = new MediaSource();
const tell = text => fetch('/ended?' + encodeURIComponent(text));
video.onerror = () => tell('error: ' + video.error.message);
video.onended = () => tell('frames: ' + video.getVideoPlaybackQuality().totalVideoFrames);
source.onsourceopen = async () => {
  try {
    const buffer = source.addSourceBuffer('video/mp4; codecs="CODECS"');
    buffer.onupdateend = () => { source.endOfStream(); video.play(); };
    buffer.appendBuffer(await (await fetch('stream.mp4')).arrayBuffer());
  } catch (error) { tell('error: ' + error.message); }
};
video.src = URL.createObjectURL(source);
</script>"""


def play(stream: Path, codecs: str, folder: Path, watch: Callable[[Path], str]) -> str:
    """How the browser ended with `stream` under the `codecs` string: "frames: N", or "error: ..."."""
    (folder / "stream.mp4").write_bytes(stream.read_bytes())
    (folder / "index.html").write_text(PLAYER.replace("CODECS", codecs))
    return watch(folder)


def test_every_frame_of_a_stream_is_played(make_clip, tmp_path, watch):
    clip = make_clip("fragmented.mp4", "testsrc2=size=160x90:rate=25", frames=30, options=FRAGMENTED)
    assert play(clip, "avc1.64001e", tmp_path, watch) == "frames: 30"


def test_a_stream_under_the_wrong_codecs_string_is_found_out(make_clip, tmp_path, watch):
    clip = make_clip("fragmented.mp4", "testsrc2=size=160x90:rate=25", frames=30, options=FRAGMENTED)
    assert play(clip, "av01.0.04M.08", tmp_path, watch).startswith("error: ")


@pytest.mark.parametrize("codec", ["x264", "svtav1"])
def test_both_codecs_of_one_package_play_under_the_strings_of_its_manifests(codec, tmp_path, watch):
    film, target = tmp_path / "film.mp4", tmp_path / "package"
    picture = package_kit.picture(size="160x96")
    ffmpeg_run("-f", "lavfi", "-i", picture, "-frames:v", "75", "-c:v", "libx264", film)
    title = package_kit.make_title(tmp_path, film, codecs=("x264", "svtav1"), sizes=((160, 96),))
    joined = title.package(target)
    [rung] = [rung for rung in joined["rungs"] if rung["codec"] == codec]
    stream = tmp_path / "whole.mp4"
    stream.write_bytes(b"".join((target / name).read_bytes() for name in [rung["init"], *rung["segments"]]))
    (tmp_path / "page").mkdir()
    assert play(stream, rung["codecs"], tmp_path / "page", watch) == "frames: 75"
