"""What a ladder, its verdicts and its package say together, codec by codec."""

from collections.abc import Sequence

from .words import span


def by_codec(ladder: dict, verdicts: Sequence[dict], package: dict) -> list[dict]:
    """Per codec, in the order of names: rungs from the best down, missing rungs, ranges in words, savings.

    A rung has its fields of `ladder.json` and `verified` (VMAF or None), its buffer in
    seconds at the peak, and from the package `codecs` (RFC 6381), `peak_kbps` (over a segment) and `peak_ratio`.
    """
    verified = {(v["codec"], rung["name"]): rung["quality"] for v in verdicts for rung in v["rungs"]}
    packaged = {(rung["codec"], rung["name"]): rung for rung in (*package["rungs"], *package["progressive"])}
    result = []
    for codec in sorted({item["codec"] for item in (*ladder["rungs"], *ladder["missing"])}):
        rungs = []
        for rung in sorted((r for r in ladder["rungs"] if r["codec"] == codec), key=lambda r: -r["bitrate_kbps"]):
            place = (codec, rung["name"])
            streamed = packaged[place]
            more = {
                "verified": verified.get(place),
                "codecs": streamed["codecs"],
                "peak_kbps": streamed["bandwidth"] / 1000,
                "peak_ratio": streamed["bandwidth"] / streamed["average_bandwidth"],
                "buffer_s": rung["buffer_kbit"] / rung["peak_kbps"],
            }
            rungs.append(rung | more)
        gain = package["savings"].get(codec, {"bd_rate_pct": None, "why_none": None, "rungs": []})
        caps = {rung["name"]: rung for rung in ladder["fixed"] if rung["codec"] == codec}
        settings = sorted({f"{rung['variant']}: preset {rung['preset']}, {rung['pix_fmt']}" for rung in rungs})
        result.append(
            {
                "name": codec,
                "rungs": rungs,
                "progressive": next((r["reason"] for r in package["progressive"] if r["codec"] == codec), ""),
                "missing": [gap for gap in ladder["missing"] if gap["codec"] == codec],
                "settings": "; ".join(settings),
                "bitrates": span(rung["bitrate_kbps"] for rung in rungs),
                "qualities": span((rung["quality"] for rung in rungs), 1),
                "bd_rate_pct": gain["bd_rate_pct"],
                "why_none": gain["why_none"],
                "saved": [caps[rung["name"]] | rung for rung in gain["rungs"]],
            }
        )
    return result


def all_ok(ladder: dict, verdicts: Sequence[dict]) -> bool | None:
    """Whether every promise holds; None when a codec of the ladder has no verdict yet."""
    if any(not verdict["ok"] for verdict in verdicts):
        return False
    unjudged = {rung["codec"] for rung in ladder["rungs"]} - {verdict["codec"] for verdict in verdicts}
    return None if unjudged else True
