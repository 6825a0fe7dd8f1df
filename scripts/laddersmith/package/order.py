"""In which order players are to prefer the codecs of a title."""

from collections.abc import Iterable, Sequence

from ..encode.codecs import CODECS

# The formats by their names in `Codec.decoded_as`, the one that takes the fewest bits first.
FORMATS = ("vvc", "av1", "hevc", "vp9", "h264")


def preferred(codecs: Iterable[str], prefer: Sequence[str]) -> list[str]:
    """The codecs, the most wanted first: those named in `prefer`, then by FORMATS, then by name.

    Codecs of one format stand together, since a DASH player takes them for one adaptation set.
    """

    def rank(codec: str) -> int:
        return prefer.index(codec) if codec in prefer else len(prefer) + FORMATS.index(CODECS[codec].decoded_as)

    known = sorted(set(codecs), key=lambda codec: (rank(codec), codec))
    first = {CODECS[codec].decoded_as: place for place, codec in reversed(list(enumerate(known)))}
    return sorted(known, key=lambda codec: (first[CODECS[codec].decoded_as], known.index(codec)))


def scores(rungs: Sequence[dict]) -> list[float]:
    """A SCORE for each rung (RFC 8216bis, EXT-X-STREAM-INF): a client takes the greatest of those that fit its link.

    Each is the rung's quality, and 100 more for every format that stands after its own, so that a client stays with the
    first format that it can play.

    Parameters
    ----------
    rungs : in the order of `preferred`, with `codec` and `quality`.
    """
    formats = list(dict.fromkeys(CODECS[rung["codec"]].decoded_as for rung in rungs))
    after = {name: len(formats) - 1 - place for place, name in enumerate(formats)}
    # A SCORE is positive.
    return [round(100 * after[CODECS[r["codec"]].decoded_as] + max(r["quality"], 0.01), 2) for r in rungs]
