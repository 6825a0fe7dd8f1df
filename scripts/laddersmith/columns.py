"""Columns of tables with what they mean: those that pages are written from. Kinds are pyarrow's names of types."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column: name, kind (`string`, `int32`, `int64`, `float64`), meaning with the unit, whether it may be empty."""

    name: str
    kind: str
    means: str
    nullable: bool = True


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


# What encoders tell of an encode beside its bits. Empty where an encoder does not tell it, never zero.
TOLD = _columns(
    ("frame_bytes_max", "int64", "bytes of the greatest coded frame"),
    ("frame_bytes_std", "float64", "standard deviation of the bytes of coded frames, over the frames themselves"),
    ("qp_mean", "float64", "mean of the frames' QP, in the encoder's own scale"),
    ("qp_min", "float64", "least QP of a frame"),
    ("qp_max", "float64", "greatest QP of a frame"),
    ("qp_std", "float64", "standard deviation of the frames' QP"),
    ("i_qp_mean", "float64", "mean QP of the I frames"),
    ("p_qp_mean", "float64", "mean QP of the P frames"),
    ("b_qp_mean", "float64", "mean QP of the B frames"),
    ("i_frames", "int32", "number of I frames"),
    ("p_frames", "int32", "number of P frames"),
    ("b_frames", "int32", "number of B frames"),
    ("i_bytes", "int64", "bytes of the I frames"),
    ("p_bytes", "int64", "bytes of the P frames"),
    ("b_bytes", "int64", "bytes of the B frames"),
)

# The encoder's own account of where its bits and blocks went (x264, x265).
_ACCOUNT = (
    ("i_texture_bits_mean", "float64", "mean bits of texture of an I frame"),
    ("pb_texture_bits_mean", "float64", "mean bits of texture of a P or B frame"),
    ("motion_bits_mean", "float64", "mean bits of motion of a frame"),
    ("motion_bits_std", "float64", "standard deviation of the frames' bits of motion"),
    ("other_bits_mean", "float64", "mean bits of a frame for all else"),
    ("intra_share", "float64", "share of the blocks of all frames that are intra coded, 0 to 1"),
    ("inter_share", "float64", "share of the blocks that are inter coded with a residue, 0 to 1"),
    ("skip_share", "float64", "share of the blocks that are skipped, 0 to 1"),
)
ACCOUNT = _columns(*_ACCOUNT)

# The same of the first of two passes, and what only first passes tell (VP9). Means are over frames.
FIRST_PASS = _columns(
    ("first_qp_mean", "float64", "mean of the frames' QP in the first pass"),
    ("first_qp_std", "float64", "standard deviation of the frames' QP in the first pass"),
    ("first_frame_bits_mean", "float64", "mean bits of a frame in the first pass"),
    ("first_frame_bits_std", "float64", "standard deviation of the frames' bits in the first pass"),
    *((f"first_{name}", kind, f"{words}, in the first pass") for name, kind, words in _ACCOUNT),
    ("first_intra_error", "float64", "mean error of intra prediction of a block, in the encoder's own scale"),
    ("first_coded_error", "float64", "mean error of the better of intra and inter prediction of a block"),
    ("first_second_error", "float64", "the same, predicted from the golden frame"),
    ("first_noise_energy", "float64", "mean estimate of the noise of a frame"),
    ("first_motion_share", "float64", "share of the blocks that move, 0 to 1"),
    ("first_second_share", "float64", "share of the blocks better predicted from the golden frame, 0 to 1"),
    ("first_neutral_share", "float64", "share of the blocks that intra and inter predict alike, 0 to 1"),
    ("first_flat_share", "float64", "share of the blocks with next to no intra error, 0 to 1"),
    ("first_motion_rows", "float64", "mean size of the vectors' vertical part, in eighths of a pixel"),
    ("first_motion_columns", "float64", "mean size of the vectors' horizontal part, in eighths of a pixel"),
)

STATISTICS = (*TOLD, *ACCOUNT, *FIRST_PASS)
