"""What is known of every encoder: for programs, for a terminal, and as the page docs/codecs.md."""

from collections.abc import Callable, Mapping
from typing import Any

from .codecs import CODECS, SOFTWARE, Codec

PAGE = """\
# Codecs

Written by `python -m laddersmith codecs --page`; a test fails when it drifts from the adapters under
`scripts/laddersmith/encode/codecs/`.

    python -m laddersmith codecs                   which of them can be used here, and why the others cannot
    python -m laddersmith codecs --json codecs.json

tries each in an encode of two small frames. A run does the same, before any job, for the codecs that its titles ask
for, and ends with one sentence for each that cannot be used; where jobs run on other machines only what ffmpeg was
built with is checked. `ffmpeg` in the config names an ffmpeg of your own that encodes in place of the locked
environment's; everything else (measuring, verifying, packaging) stays with the locked one, and the own one's build
is part of what a stored point is known by.

The {software} software codecs are proved by the tests in real encodes: shots of one, two, three and more frames,
stitched, decode to the frames of their parts with all parameter sets within the packets taken out; keyframes stand
where they were asked for, also across a hard cut, and begin closed groups; bits follow the quality setting from end
to end; two runs write the same bytes; colour is stated. The hardware's adapters are proved by their arguments
alone, which every ffmpeg that knows the encoder accepts: what their streams are is checked as every encode's is,
and shots whose parameter sets differ are refused by name when they are stitched.

## Quality, speed, formats

More of the quality setting, which is called CRF whatever the encoder calls it, is fewer bits, but for those marked
"up". CRFs are what a variant without `crfs` takes. Presets go from slow to fast.

{usage}

## Encoding

"rates" are what a variant's `rate` may be, and "caps" those of them beside which `maxrate_kbps` and `bufsize_kbps` cap
the rate: [rate control](rate-control.md).

All shots begin with a keyframe of a closed group, and so does every step of `encode.keyframe_s` within them. The
settings text that some encoders write into their streams, an SEI, is removed before bytes are counted. PQ and HLG
are tags of colour, which every codec states; what is told here of HDR is how the encoder writes mastering display
and content light level. No encode is given those yet, for HDR sources are refused; where they are SEI, the removal
of SEI would take them too.

What an encoder tells of its work is collected where that changes no bit, and stands in the tables of encodes, scores
and points ([corpus.md](corpus.md#what-the-encoder-told)); of encoders with "none" there are the sizes of frames alone.
A QP is in the encoder's own scale. Encoders of VP9 and AV1 tell no B: P is every frame that is predicted from others.

{making}

## Files

    python -m laddersmith codecs --string movie.mp4

prints the `codecs` string (RFC 6381) by which players and manifests name a file's video.

{files}
"""


def listed(found: Mapping[str, str]) -> list[dict[str, Any]]:
    """All facts of the codecs in `found`, which has for each why it cannot be used here ("" if it can)."""
    return [
        {
            "codec": codec.name,
            "usable": not why,
            "why_not": why,
            "encoder": codec.encoder,
            **vars(codec.facts),
            "quality": codec.knob.option,
            "low": float(codec.knob.low),
            "high": float(codec.knob.high),
            "step": float(codec.knob.step),
            "more_is": "better" if codec.knob.direction > 0 else "fewer bits",
            "default_crfs": [float(crf) for crf in codec.knob.default_crfs],
            "presets": list(codec.presets),
            "pix_fmts": list(codec.pix_fmts),
            "min_side": codec.min_side,
            "max_size": [codec.max_width, codec.max_height],
            "chroma_locations": list(codec.chroma_locations),
            "full_range": codec.full_range,
            "rates": list(codec.rates),
            "capped": codec.caps is not None,
            "capped_bitrate": codec.target_caps is not None,
            "threads": codec.threaded,
            "container": f"MP4, {codec.sample_entry}",
            "cmaf": codec.unpackaged or "yes",
        }
        for codec, why in ((CODECS[name], why) for name, why in found.items())
    ]


def terminal(found: Mapping[str, str]) -> str:
    """A table for a terminal."""
    rows = [("codec", "quality", "presets, slow to fast", "here")]
    for name, why in found.items():
        codec = CODECS[name]
        rows.append((name, _quality(codec), _presets(codec), why or "usable"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows)


def page() -> str:
    """The text of docs/codecs.md."""
    usage = {
        "encoder in ffmpeg": lambda c: f"{c.facts.maker}: `{c.encoder}`",
        "quality": _quality,
        "CRFs": lambda c: ", ".join(c.knob.default_crfs),
        "presets": _presets,
        "pixel formats": lambda c: ", ".join(c.pix_fmts),
    }
    making = {
        "keyframes": lambda c: c.facts.keyframes,
        "stitching": lambda c: c.facts.stitching,
        "two-pass": lambda c: c.facts.two_pass,
        "statistics": lambda c: c.facts.statistics,
        "HDR": lambda c: c.facts.hdr,
        "regions": lambda c: c.facts.roi,
        "rates": lambda c: ", ".join(c.rates),
        "caps": _caps,
        "low latency": lambda c: f"none: {c.low_latency}" if isinstance(c.low_latency, str) else c.low_latency.how,
        "threads": lambda c: "own" if c.threaded else "none",
    }
    files = {
        "container": lambda c: f"MP4, `{c.sample_entry}`",
        "`codecs` string": lambda c: f"`{c.facts.rfc6381}`",
        "CMAF": lambda c: c.unpackaged or "yes",
        "picture": lambda c: f"{c.min_side} to {c.max_width}x{c.max_height}",
        "chroma siting of 4:2:0": lambda c: ", ".join(c.chroma_locations),
        "range": lambda c: "limited, full" if c.full_range else "limited",
    }
    number = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[len(SOFTWARE)]
    return PAGE.format(software=number, usage=_table(usage), making=_table(making), files=_table(files))


def _quality(codec: Codec) -> str:
    knob = codec.knob
    step = "" if knob.step == 1 else f" by {knob.step}"
    return f"{knob.option} {knob.low} to {knob.high}{step}{', up' if knob.direction > 0 else ''}"


def _caps(codec: Codec) -> str:
    """Beside what it can cap the rate."""
    beside = [rate for rate in codec.rates if not codec.caps_fault(rate)]
    return f"beside {', '.join(beside)}" if beside else "no"


def _presets(codec: Codec) -> str:
    """All names, or the first and the last of a run of numbers."""
    names = codec.presets
    if all(name.isdigit() for name in names):
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names)


def _table(columns: Mapping[str, Callable[[Codec], str]]) -> str:
    """A table of Markdown: a row for every codec, a column for its name and for each of `columns`."""
    rows = [("codec", *columns), ("---",) * (len(columns) + 1)]
    rows += [(f"`{codec.name}`", *(cell(codec) for cell in columns.values())) for codec in CODECS.values()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
