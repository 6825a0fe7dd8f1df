"""What a reader of a report must see first."""

from collections.abc import Sequence

from .words import told


def notices(
    facts: dict, codecs: list[dict], verdicts: Sequence[dict], package: dict, chroma_alarm_db: float
) -> list[dict]:
    """Broken promises ("bad"), then warnings ("warn"): `level`, `where` and `text` of each."""
    bad: list[dict] = []
    warn: list[dict] = []
    for verdict in verdicts:
        for rung in verdict["rungs"]:
            where = f"{verdict['codec']} {rung['name']}"
            bad += [_notice("bad", where, problem) for problem in rung["problems"]]
            if rung["zero_frames"]:
                warn.append(_notice("warn", where, f"{rung['zero_frames']} frame(s) have VMAF 0; look at them"))
        if not verdict["ok"] and not any(rung["problems"] for rung in verdict["rungs"]):
            bad.append(_notice("bad", verdict["codec"], "the verdict is that a promise is broken"))
    judged = {verdict["codec"] for verdict in verdicts}
    for codec in codecs:
        if codec["rungs"] and codec["name"] not in judged:
            warn.append(_notice("warn", codec["name"], "its renditions have not been verified"))
        for rung in codec["rungs"]:
            where = f"{codec['name']} {rung['name']}"
            worst = min(rung["psnr_cb"], rung["psnr_cr"])
            if worst < chroma_alarm_db:
                warn.append(_notice("warn", where, _chroma(worst, chroma_alarm_db)))
    for warning in package["warnings"]:
        where, _, text = warning.partition(": ")
        warn.append(_notice("warn", where, text))
    warn += [_notice("warn", f"{track['kind']} {track['number']}", _left_out(track)) for track in package["left_out"]]
    if facts["hdr"]:
        warn.append(
            _notice(
                "warn", "source", f"HDR ({told(facts['hdr'])}); a model made for SDR judges it outside its training"
            )
        )
    if facts["mezzanine"]:
        warn.append(_notice("warn", "source", f"read through a lossless mezzanine: {told(facts['mezzanine'])}"))
    return bad + warn


def _notice(level: str, where: str, text: str) -> dict:
    return {"level": level, "where": where, "text": text}


def _chroma(worst: float, alarm: float) -> str:
    where = f"{worst:.1f} dB, below the alarm at {alarm:g} dB"
    return f"chroma PSNR is {where}; VMAF does not see chroma, so look at the colours"


def _left_out(track: dict) -> str:
    return f"not in the package ({track['codec']}, language {track['language']}): {track['reason']}"
