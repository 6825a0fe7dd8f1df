"""What `roi.json` says, as a page."""

from collections.abc import Mapping
from typing import Any

from ..report.words import number, signed, size
from .document import Document, Section, Table

HOW = (
    "Each variant is encoded with its regions and without, all else equal. PSNR is that of luma against the frames "
    "that the encoder got, at the encode's size: of the summed squared errors of all frames within a part of the "
    "picture. Inside is where regions ask for a better quality than the mean of what they ask for; outside the rest.",
    "BD-rate inside is the change of the whole stream's bitrate at equal PSNR inside: negative where the regions reach "
    "that PSNR in fewer bits. PSNR at equal bitrate is the mean difference over the bitrates that both reach. A stream "
    "does not say how many bits a region has. At equal CRF, where an encoder leaves the quantizers outside as they "
    "were, the bits that the encode has more are the regions'; at equal bitrate all else has that many fewer.",
)


def roi_page(facts: Mapping[str, Any]) -> Document:
    """The page of `roi.json`."""
    shots = len(facts["shots"])
    lead = (
        f"{facts['title']}: {shots} shot{'s' * (shots != 1)}, {facts['frames']} frames, at "
        f"{size(facts['width'], facts['picture_height'])}."
    )
    sections = [Section("With regions against without", [*_missing(facts)], [_summary(facts)])]
    sections += [Section(row["variant"], tables=[_points(row)]) for row in facts["variants"]]
    return Document(f"Regions of {facts['title']}", lead, [*sections, Section("How it was measured", HOW)])


def _summary(facts: Mapping[str, Any]) -> Table:
    headings = ["Variant", "Codec", "Preset", "Regions", "Inside, % of picture", "BD-rate inside, %", "outside, %"]
    headings += ["whole, %", "PSNR inside at equal bitrate, dB", "outside, dB", "whole, dB", "Bits at equal CRF, %"]
    rows = [
        [
            *(row["variant"], row["codec"], row["preset"], row["roi"], number(100 * row["inside_share"], 1)),
            *(signed(part["bd_rate_pct"]) for part in _parts(row)),
            *(signed(part["psnr_db"], 2) for part in _parts(row)),
            signed(row["bits_pct"]),
        ]
        for row in facts["variants"]
    ]
    return Table("Negative BD-rates mean fewer bits at equal PSNR of that part", headings, rows, words=(1, 2, 3))


def _parts(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row["parts"][name] for name in ("inside", "outside", "whole")]


def _missing(facts: Mapping[str, Any]) -> list[str]:
    """Why a BD-rate is not there."""
    return [
        f"{row['variant']} has no BD-rate {name}: {part['why_none']}."
        for row in facts["variants"]
        for name, part in row["parts"].items()
        if part["why_none"]
    ]


def _points(row: Mapping[str, Any]) -> Table:
    headings = ["CRF, or kbit/s asked for"]
    for name in ("with regions", "without"):
        headings += [f"kbit/s {name}", "inside, dB", "outside, dB", "whole, dB"]
    cells = [
        [
            point["crf"],
            *(
                number(point[side][key], 1 if key == "bitrate_kbps" else 2)
                for side in ("regions", "plain")
                for key in ("bitrate_kbps", "psnr_inside", "psnr_outside", "psnr_whole")
            ),
        ]
        for point in row["points"]
    ]
    return Table("Every point, PSNR of luma", headings, cells)
