"""The whole title as one more shot: what is encoded without regard to cuts, such as the fixed ladder."""

import hashlib

import pandas as pd

from ..tables import SHOTS, WHOLE_TITLE, conform


def with_whole_title(shots: pd.DataFrame) -> pd.DataFrame:
    """The table of shots, and a last row, number `WHOLE_TITLE`, that spans them all.

    Its hashes are those of the shots' hashes in order; it has no neighbours. Its complexities are means over frames.
    """
    lengths = shots["end"] - shots["start"]
    identity = hashlib.sha256("\n".join(["whole title", *shots["frames_sha256"]]).encode()).hexdigest()
    row = shots.iloc[0].to_dict() | {
        "shot": WHOLE_TITLE,
        "end": shots["end"].iloc[-1],
        "end_s": shots["end_s"].iloc[-1],
        "frames_sha256": identity,
        "context_sha256": identity,
    }
    for name in ("spatial_complexity", "temporal_complexity"):
        row[name] = float((shots[name] * lengths).sum() / lengths.sum())
    return conform(pd.concat([shots, pd.DataFrame([row])], ignore_index=True), SHOTS)
