"""The encoders' own command lines, and the scenes file of Av1an, which runs them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..encode.codecs import Settings
from ..encode.colour import codes
from ..encode.regions import Region
from ..source.media import Colour

# Av1an's names of the encoders (av1an-core 0.5.2, encoder/mod.rs, `Encoder`).
AV1AN_ENCODERS = {"x264": "x264", "x265": "x265", "svtav1": "svt_av1"}
CHROMA = {"420": "i420", "422": "i422", "444": "i444"}
# How x264's command line spells what ffmpeg and x265 spell otherwise, and what it has no word for.
X264_WORDS = {"gbr": "GBR", "ycgco": "YCgCo", "ictcp": "ICtCp"}
X264_LACKS = ("jedec-p22", "ebu3213")
CHROMA_PLACES = ("left", "center", "topleft", "top", "bottomleft", "bottom")
SVT_PLACES = {"left": "vertical", "topleft": "colocated"}


@dataclass(frozen=True)
class Scene:
    """Frames [start, end) of the title, and the CRF and the regions of another quality that a rung gives them."""

    shot: int
    start: int
    end: int
    crf: str
    regions: tuple[Region, ...] = ()


def bit_depth(pix_fmt: str) -> int:
    """Bits per sample of a planar YUV format by its name ("yuv420p10le")."""
    return int(pix_fmt.removesuffix("le").split("p")[1] or 8)


def x264(settings: Settings, colour: Colour) -> list[str]:
    """Arguments of x264's command line: without words, its output is 8 bit 4:2:0 whatever comes in."""
    own = ["--preset", settings.preset, "--crf", settings.crf, "--keyint", str(settings.keyint), "--min-keyint", "1"]
    own += ["--no-scenecut", "--threads", str(settings.threads), "--stitchable"]
    own += ["--tune", "zerolatency"] if settings.low_latency else []
    own += ["--output-depth", str(bit_depth(settings.pix_fmt)), "--output-csp", CHROMA[settings.pix_fmt[3:6]]]
    said = {
        "--input-range": colour.range,
        "--range": colour.range,
        "--colorprim": colour.primaries,
        "--transfer": colour.transfer,
        "--colormatrix": colour.matrix,
    }
    return [*own, *_vbv(settings), *_said(said), *_chroma_place(settings, colour)]


def x265(settings: Settings, colour: Colour) -> list[str]:
    """Arguments of x265's command line; the chroma format is that of its y4m input."""
    own = ["--preset", settings.preset, "--crf", settings.crf, "--keyint", str(settings.keyint)]
    own += ["--min-keyint", str(settings.keyint), "--no-scenecut", "--no-open-gop", "--no-info"]
    frames = 1 if settings.low_latency else min(settings.threads, 4)
    own += ["--pools", str(settings.threads), "--frame-threads", str(frames)]
    own += ["--tune", "zerolatency"] if settings.low_latency else []
    own += ["--output-depth", str(bit_depth(settings.pix_fmt))]
    numbers = {name: str(number) for name, number in codes(colour).items()}
    said = {
        "--range": {"tv": "limited", "pc": "full"}.get(colour.range, "unknown"),
        "--colorprim": numbers.get("primaries", "unknown"),
        "--transfer": numbers.get("transfer", "unknown"),
        "--colormatrix": numbers.get("matrix", "unknown"),
    }
    return [*own, *_vbv(settings), *_said(said), *_chroma_place(settings, colour)]


def svtav1(settings: Settings, colour: Colour) -> list[str]:
    """Arguments of SvtAv1EncApp; depth and chroma format are those of its y4m input, and a cap has no buffer."""
    quality = ["--min-qp" if settings.low_latency else "--crf", settings.crf]
    own = ["--preset", settings.preset, *quality, "--lp", str(settings.threads), "--scd", "0"]
    own += ["--irefresh-type", "2", "--keyint", str(settings.keyint)]
    if settings.maxrate_kbps is not None and settings.bufsize_kbps is not None:
        buffer_ms = round(1000 * settings.bufsize_kbps / settings.maxrate_kbps)
        low = ["--pred-struct", "1", "--rc", "2", "--tbr", f"{settings.maxrate_kbps:g}", "--buf-sz", f"{buffer_ms}"]
        own += low if settings.low_latency else ["--mbr", f"{settings.maxrate_kbps:g}"]
    numbers = {name: str(number) for name, number in codes(colour).items()}
    said = {
        "--color-range": {"tv": "0", "pc": "1"}.get(colour.range, "unknown"),
        "--color-primaries": numbers.get("primaries", "unknown"),
        "--transfer-characteristics": numbers.get("transfer", "unknown"),
        "--matrix-coefficients": numbers.get("matrix", "unknown"),
        "--chroma-sample-position": SVT_PLACES.get(colour.chroma_location, "unknown"),
    }
    return [*own, *_said(said)]


COMMAND_LINES = {"x264": x264, "x265": x265, "svtav1": svtav1}


def av1an_scenes(codec: str, scenes: Sequence[Scene], settings: Settings, colour: Colour) -> dict:
    """Av1an's scenes file, as its release 0.5.2 reads it (av1an-core, scenes/mod.rs: `ScenesData`, `Scene`,
    `ZoneOptions`): each scene with the whole command line of its own encoder, and not to be split further."""
    own = [
        {
            "start_frame": scene.start,
            "end_frame": scene.end,
            "zone_overrides": {
                "encoder": AV1AN_ENCODERS[codec],
                "passes": 1,
                "video_params": COMMAND_LINES[codec](replace(settings, crf=scene.crf), colour),
                "photon_noise": None,
                "photon_noise_height": None,
                "photon_noise_width": None,
                "chroma_noise": False,
                "extra_splits_len": None,
                "min_scene_len": 1,
                "target_quality": None,
            },
        }
        for scene in scenes
    ]
    return {"frames": scenes[-1].end, "scenes": own, "split_scenes": own}


def _vbv(settings: Settings) -> list[str]:
    if settings.maxrate_kbps is None or settings.bufsize_kbps is None:
        return []
    return ["--vbv-maxrate", f"{settings.maxrate_kbps:g}", "--vbv-bufsize", f"{settings.bufsize_kbps:g}"]


def _said(words: dict[str, str]) -> list[str]:
    """The flags whose values are known."""
    known = {flag: X264_WORDS.get(word, word) for flag, word in words.items()}
    return [part for flag, word in known.items() if word not in ("unknown", *X264_LACKS) for part in (flag, word)]


def _chroma_place(settings: Settings, colour: Colour) -> list[str]:
    """Where the chroma samples stand, which only 4:2:0 can say: number of ITU-T H.264 (08/2021), figure E-1."""
    if colour.chroma_location not in CHROMA_PLACES or not settings.pix_fmt.startswith("yuv420"):
        return []
    return ["--chromaloc", str(CHROMA_PLACES.index(colour.chroma_location))]
