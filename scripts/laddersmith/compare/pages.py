"""What `compare.json` and `presets.json` say, as pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.words import number, signed, size
from .document import Document, Picture, Section, Table, widths
from .pictures import costs_and_gains, rate_curves


def compare_page(facts: Mapping[str, Any]) -> Document:
    """The page of `compare.json`."""
    names = [one["variant"] for one in facts["variants"]]
    count = len(facts["titles"])
    lead = (
        f"{len(names)} variants on {count} title{'s' * (count != 1)}; quality is {facts['model']}, pooled by "
        f"{facts['pooling']}; negative BD-rates mean fewer bits at equal quality."
    )
    sections = [
        Section(f"Against {facts['anchor']}", tables=[_against(facts)], pictures=_pictures(facts)),
        Section("Every variant against every other", tables=[_matrix(facts["bd_rates"], names, "mean_pct", facts)]),
        *(_title(title, names) for title in facts["titles"]),
        Section("How it was timed", [*facts["timing"].values(), _machine(facts["machine"])]),
    ]
    return Document("Codecs and presets compared", lead, sections)


def presets_page(facts: Mapping[str, Any]) -> Document:
    """The page of `presets.json`."""
    shots = len(facts["shots"])
    lead = (
        f"{facts['title']}: {shots} shot{'s' * (shots != 1)}, {facts['duration_s']:.1f} s, at {facts['height']}p; "
        f"quality is {facts['model']}, pooled by {facts['pooling']}."
    )
    sections = [_codec(codec) for codec in facts["codecs"]]
    timed = Section("How it was timed", [facts["timing"], _machine(facts["machine"])])
    return Document(f"Presets of {facts['title']}", lead, [*sections, timed])


def _against(facts: Mapping[str, Any]) -> Table:
    share = f"{100 * facts['confidence']:g} %"
    headings = ["Variant", "Codec", "Preset", "Titles", "BD-rate, %", f"{share} interval (t)", f"{share} (bootstrap)"]
    headings += ["CPU time over anchor's", "CPU s per s", "Times real time, one core"]
    pairs = {pair["test"]: pair for pair in facts["bd_rates"] if pair["anchor"] == facts["anchor"]}
    rows = []
    for one in facts["variants"]:
        pair = pairs.get(one["variant"], {})
        interval = [_span(pair, f"{how}low_pct", f"{how}high_pct") for how in ("", "bootstrap_")]
        rows.append(
            [
                *(one["variant"], one["codec"], one["preset"], str(one["titles"]), signed(pair.get("mean_pct"))),
                *interval,
                *(number(one[key], 2) for key in ("cpu_ratio", "cpu_s_per_s", "realtime")),
            ]
        )
    caption = (
        "BD-rate: geometric mean over the titles; the intervals take the titles for a random sample; t needs two, the "
        "bootstrap five. CPU time over the anchor's is at equal quality; CPU seconds per second of video and real time "
        "are over all points of the curves"
    )
    return Table(caption, headings, rows, words=(1, 2))


def _matrix(
    pairs: Sequence[Mapping[str, Any]], names: Sequence[str], key: str, facts: Mapping[str, Any] | None
) -> Table:
    found = {(pair["anchor"], pair["test"]): pair[key] for pair in pairs}
    rows = [
        [test, *("" if anchor == test else signed(found.get((anchor, test))) for anchor in names)] for test in names
    ]
    where = "over all titles, geometric mean" if facts else "of this title"
    return Table(f"BD-rate in % of the row against the column, {where}", ["", *names], rows)


def _pictures(facts: Mapping[str, Any]) -> list[Picture]:
    rates = {pair["test"]: pair["mean_pct"] for pair in facts["bd_rates"] if pair["anchor"] == facts["anchor"]}
    rows = [
        {"name": one["variant"], "cpu_s_per_s": one["cpu_s_per_s"]}
        | {"bd_rate_pct": 0.0 if one["variant"] == facts["anchor"] else rates.get(one["variant"])}
        for one in facts["variants"]
    ]
    wide, narrow = (costs_and_gains(rows, taken=facts["anchor"], joined=False, width=width) for width in widths())
    return [Picture("costs", f"BD-rate against {facts['anchor']} over CPU time; lower left is better", wide, narrow)]


def _title(title: Mapping[str, Any], names: Sequence[str]) -> Section:
    targets = [target["quality"] for target in title["variants"][0]["targets"]] if title["variants"] else []
    tables = [_matrix(title["bd_rates"], names, "bd_rate_pct", None)]
    for place, target in enumerate(targets):
        rows = []
        for one in title["variants"]:
            at = one["targets"][place]
            rows.append(
                [
                    *(one["variant"], number(at["bitrate_kbps"], 1), number(at["megabytes"], 3)),
                    *(number(at["encode_cpu_s"], 2), number(at["realtime"], 2)),
                ]
            )
        tables.append(
            Table(
                f"At VMAF {target:g}, between measured points of each variant's hull; a dash: not reached",
                ["Variant", "kbit/s", "MB", "CPU s", "Times real time, one core"],
                rows,
            )
        )
    if title["decoding"]["rows"]:
        tables.append(_decoding(title["decoding"]))
    wide, narrow = (rate_curves(title, width=width) for width in widths())
    caption = f"Quality over bitrate of {title['title']}, the convex hull of each variant over all heights"
    lead = f"{size(title['width'], title['height'])}, {title['frames']} frames, {title['duration_s']:.1f} s."
    return Section(title["title"], [lead], tables, [Picture(f"curves-{title['title']}", caption, wide, narrow)])


def _decoding(found: Mapping[str, Any]) -> Table:
    cells = [
        [
            *(one["codec"], one["name"], number(one["bitrate_kbps"], 1)),
            *(number(one["quality"], 2), number(one["frames_per_cpu_s"], 1)),
            *(number(one["fps"], 1), number(one["realtime"], 2)),
            "disturbed" if one["disturbed"] else "alone",
        ]
        for one in found["rows"]
    ]
    headings = ["Codec", "Rendition", "kbit/s", "VMAF", "Frames per CPU s"]
    headings += ["Frames per s", "Times real time", "Machine"]
    caption = f"Decoding by one thread, the machine to itself, median of three; {found['machine']['cpu']}"
    return Table(caption, headings, cells, words=(1, 7))


def _codec(codec: Mapping[str, Any]) -> Section:
    taken = codec["recommended"]["preset"]
    rows = [
        [
            *(one["preset"], number(one["cpu_s_per_s"], 3), number(one["cpu_ratio"], 2), signed(one["bd_rate_pct"])),
            *(signed(one["bd_quality"], 2), "yes" if one["unbeaten"] else "no"),
            "taken" if one["preset"] == taken else "default" if one["preset"] == codec["default"] else "",
        ]
        for one in codec["presets"]
    ]
    table = Table(
        f"Against {codec['default']}. Unbeaten: no other preset is both faster and better",
        ["Preset", "CPU s per s", "CPU time over default's", "BD-rate, %", "VMAF at equal bitrate", "Unbeaten", ""],
        rows,
        words=(5, 6),
    )
    why = codec["recommended"]["why"]
    sentences = [f"Take {taken}: {why}." if taken else f"None can be recommended: {why}."]
    sentences += [_search(search) for search in codec["searches"]]
    points = [row | {"name": row["preset"]} for row in codec["presets"]]
    wide, narrow = (costs_and_gains(points, taken=taken, joined=True, width=width) for width in widths())
    caption = f"BD-rate of {codec['codec']}'s presets against {codec['default']} over CPU time; ringed: the one to take"
    return Section(codec["codec"], sentences, [table], [Picture(f"presets-{codec['codec']}", caption, wide, narrow)])


def _search(search: Mapping[str, Any]) -> str:
    name = {"bayes": "Bayesian search", "descent": "Coordinate descent"}[search["method"]]
    if "measured" not in search:
        return f"{name} of preset and CRF was left out: {search['why_none']}."
    limits = f"VMAF {search['target']:g} within {search['max_kbps']:,.0f} kbit/s"
    work = f"{search['measured']} settings measured beside {search['known']} that were known"
    if "preset" not in search:
        return f"{name} for {limits}, {work}: {search['why_none']}."
    return (
        f"{name} for {limits}, {work}: preset {search['preset']} at CRF {search['crf']}, {search['bitrate_kbps']:,.0f} "
        f"kbit/s, VMAF {search['quality']:.2f}, {search['cpu_s_per_s']:.3g} CPU s per s."
    )


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"The machine of this run: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']:g} GiB of memory."
    )


def _span(pair: Mapping[str, Any], low: str, high: str) -> str:
    return "" if pair.get(low) is None else f"{signed(pair[low])} to {signed(pair[high])}"
