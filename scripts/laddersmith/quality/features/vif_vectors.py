"""What VIF does with vectors: filters over runs of vectors, products of many numbers, and the order of the samples.

As in `vectors.py`, every function here is called from compiled code only; its body writes the instructions. Runs of
vectors are tuples, so that their lengths, and with them the loops, are known to the compiler. Memory is not checked.
"""

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .vectors import LANES, vector

_WORD = ir.IntType(64)
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_CACHE_LINE = 64
# A sum of products may be rounded once; nothing here is infinite or not a number.
_FAST = ("contract", "nsz", "nnan", "ninf")


def _instructions(describe: Callable[..., Any]) -> Callable[..., Any]:
    """A function of compiled code, of a function that tells its types and the function that writes its body."""
    return intrinsic(prefer_literal=True)(describe)


def _whole(context, builder, sig, args, *positions):
    """Arguments as 64-bit integers."""
    return [context.cast(builder, args[k], sig.args[k], types.intp) for k in positions]


def _address(context, builder, kind, value, row, column):
    """Where sample (row, column) of a contiguous matrix lies, as a byte pointer."""
    matrix = context.make_array(kind)(context, builder, value)
    place = builder.add(builder.mul(row, builder.extract_value(matrix.shape, 1)), column)
    return builder.gep(builder.bitcast(matrix.data, ir.IntType(8).as_pointer()),
                       [builder.mul(place, _WORD(kind.dtype.bitwidth // 8))])  # fmt: skip


def _read(builder, kind, address):
    """Sixteen samples of a matrix as float32."""
    if isinstance(kind.dtype, types.Float):
        return builder.load(builder.bitcast(address, _FLOATS.as_pointer()), align=4)
    bits = kind.dtype.bitwidth
    samples = ir.VectorType(ir.IntType(bits), LANES)
    loaded = builder.load(builder.bitcast(address, samples.as_pointer()), align=bits // 8)
    return builder.sitofp(builder.sext(loaded, _INTEGERS), _FLOATS)


def _each(value, kind=_INTEGERS):
    return ir.Constant(kind, [value] * LANES)


def _align_stack(builder):
    """Have the function's stack aligned to cache lines.

    A filter has more numbers in hand than there are registers. The compiler finds out too late to align the stack that
    it puts them on, and each then lies in two lines; a vector that it must not remove makes it align from the start.
    """
    name = "aligned.stack"
    if any(name in instruction.name for instruction in builder.function.entry_basic_block.instructions):
        return
    with builder.goto_entry_block():
        slot = builder.alloca(_FLOATS, name=name)
        slot.align = _CACHE_LINE
        nothing = ir.FunctionType(ir.VoidType(), [_FLOATS.as_pointer()])
        builder.asm(nothing, "", "r", [slot], side_effect=True)


@_instructions
def addresses(typing, matrix, rows, first, count):
    """Addresses of the rows first + rows[k] of a matrix, k below the literal count, for `column`."""
    length = count.literal_value

    def write(context, builder, sig, args):
        table = context.make_array(sig.args[1])(context, builder, args[1]).data
        (start,) = _whole(context, builder, sig, args, 2)
        found = []
        for k in range(length):
            row = builder.add(builder.load(builder.gep(table, [_WORD(k)])), start)
            found.append(builder.ptrtoint(_address(context, builder, sig.args[0], args[0], row, _WORD(0)), _WORD))
        return context.make_tuple(builder, sig.return_type, found)

    return types.UniTuple(types.intp, length)(matrix, rows, first, count), write


@_instructions
def column(typing, matrix, rows, first):
    """The vectors at sample `first` of each of the rows at these addresses of a matrix."""

    def write(context, builder, sig, args):
        (place,) = _whole(context, builder, sig, args, 2)
        offset = builder.mul(place, _WORD(matrix.dtype.bitwidth // 8))
        starts = [
            builder.inttoptr(builder.extract_value(args[1], k), ir.IntType(8).as_pointer()) for k in range(rows.count)
        ]
        values = [_read(builder, sig.args[0], builder.gep(start, [offset])) for start in starts]
        return context.make_tuple(builder, sig.return_type, values)

    return types.UniTuple(vector, rows.count)(matrix, rows, first), write


@_instructions
def run(typing, matrix, row, first, count):
    """The literal count of neighbouring vectors from sample `first` of a row on."""
    length = count.literal_value

    def write(context, builder, sig, args):
        start = _address(context, builder, sig.args[0], args[0], *_whole(context, builder, sig, args, 1, 2))
        step = LANES * matrix.dtype.bitwidth // 8
        values = [_read(builder, sig.args[0], builder.gep(start, [_WORD(k * step)])) for k in range(length)]
        return context.make_tuple(builder, sig.return_type, values)

    return types.UniTuple(vector, length)(matrix, row, first, count), write


@_instructions
def store_column(typing, matrix, first, values):
    """Write one vector to each of the first rows of a float32 matrix, from sample `first` on."""

    def write(context, builder, sig, args):
        (place,) = _whole(context, builder, sig, args, 1)
        for k in range(values.count):
            address = _address(context, builder, sig.args[0], args[0], _WORD(k), place)
            builder.store(builder.extract_value(args[2], k), builder.bitcast(address, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(matrix, first, values), write


@_instructions
def store_run(typing, matrix, row, first, values):
    """Write neighbouring vectors to a row of a float32 matrix, from sample `first` on."""

    def write(context, builder, sig, args):
        start = _address(context, builder, sig.args[0], args[0], *_whole(context, builder, sig, args, 1, 2))
        for k in range(values.count):
            place = builder.bitcast(builder.gep(start, [_WORD(4 * LANES * k)]), _FLOATS.as_pointer())
            builder.store(builder.extract_value(args[3], k), place, align=4)
        return context.get_dummy_value()

    return types.void(matrix, row, first, values), write


def _products(builder, left, right, flags):
    return [builder.fmul(builder.extract_value(left, k), builder.extract_value(right, k), flags=flags)
            for k in range(left.type.count)]  # fmt: skip


@_instructions
def products(typing, left, right):
    """left[k] * right[k] of two runs of one length; may be rounded together with a sum that they go into."""

    def write(context, builder, sig, args):
        return context.make_tuple(builder, sig.return_type, _products(builder, args[0], args[1], _FAST))

    return types.UniTuple(vector, left.count)(left, right), write


@_instructions
def rounded_products(typing, left, right):
    """left[k] * right[k], rounded."""

    def write(context, builder, sig, args):
        return context.make_tuple(builder, sig.return_type, _products(builder, args[0], args[1], ()))

    return types.UniTuple(vector, left.count)(left, right), write


def _filter(add_up):
    """A symmetric filter laid on the values first, first + step, ... of a run: the literal count of sums.

    weights: the filter's outer half and its middle, float32. add_up(builder, weight, value, centre) writes one sum.
    """

    def describe(typing, weights, values, first, step, count):
        centres = [first.literal_value + k * step.literal_value for k in range(count.literal_value)]

        def write(context, builder, sig, args):
            _align_stack(builder)
            weight = []
            for k in range(weights.count):
                one = builder.extract_value(args[0], k)
                one = builder.insert_element(_FLOATS(ir.Undefined), one, ir.IntType(32)(0))
                weight.append(builder.shuffle_vector(one, one, _each(0)))
            value = [builder.extract_value(args[1], k) for k in range(values.count)]
            sums = [add_up(builder, weight, value, centre) for centre in centres]
            return context.make_tuple(builder, sig.return_type, sums)

        return types.UniTuple(vector, len(centres))(weights, values, first, step, count), write

    return _instructions(describe)


def _add_pairs(builder, weight, value, centre):
    """Values that share a weight are added first, which halves the products; machines add beside multiplying."""
    reach = len(weight) - 1
    total = builder.fmul(weight[reach], value[centre], flags=_FAST)
    for k in range(reach):
        pair = builder.fadd(value[centre - reach + k], value[centre + reach - k], flags=_FAST)
        total = builder.fadd(total, builder.fmul(weight[k], pair, flags=_FAST), flags=_FAST)
    return total


def _add_in_order(builder, weight, value, centre):
    """From the first value to the last, every product and every sum rounded: the bits of libvmaf's float filter."""
    reach = len(weight) - 1
    terms = [builder.fmul(weight[min(k, 2 * reach - k)], value[centre - reach + k]) for k in range(2 * reach + 1)]
    return functools.reduce(builder.fadd, terms)


filtered = _filter(_add_pairs)
filtered_in_order = _filter(_add_in_order)


@_instructions
def quotient(typing, a, b):
    """a / b, lane by lane."""

    def write(context, builder, sig, args):
        return builder.fdiv(*args, flags=_FAST)

    return vector(vector, vector), write


@_instructions
def exponent(typing, value):
    """The whole part of log2 of positive, normal numbers, as float32."""

    def write(context, builder, sig, args):
        biased = builder.lshr(builder.bitcast(args[0], _INTEGERS), _each(23))
        return builder.sitofp(builder.sub(biased, _each(127)), _FLOATS)

    return vector(vector), write


@_instructions
def mantissa(typing, value):
    """Positive, normal numbers divided by the power of two that leaves them in [1, 2)."""

    def write(context, builder, sig, args):
        fraction = builder.and_(builder.bitcast(args[0], _INTEGERS), _each(0x7FFFFF))
        return builder.bitcast(builder.or_(fraction, _each(127 << 23)), _FLOATS)

    return vector(vector), write


@_instructions
def copy(typing, samples, start, count, line):
    """Copy samples start, start + 1, ... of a flat array to the beginning of another."""

    def write(context, builder, sig, args):
        source, target = (context.make_array(sig.args[k])(context, builder, args[k]).data for k in (0, 3))
        start, count = _whole(context, builder, sig, args, 1, 2)
        cgutils.raw_memcpy(builder, target, builder.gep(source, [start]), count, samples.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(samples, start, count, line), write


def _transposed(builder, rows):
    """The columns of sixteen vectors: four times over, each is interleaved with the one eight places on."""
    half = LANES // 2
    low, high = (
        ir.Constant(_INTEGERS, [start + lane // 2 + LANES * (lane % 2) for lane in range(LANES)]) for start in (0, half)
    )
    for _ in range(4):
        rows = [builder.shuffle_vector(rows[k // 2], rows[k // 2 + half], high if k % 2 else low) for k in range(LANES)]
    return rows


@_instructions
def deal(typing, samples, start, distance, middle, matrix, row, first):
    """matrix[row, first + 16 k + lane] = samples[start + distance * lane + k] - middle, for the k below 16.

    samples: unsigned; matrix: signed of the same width. The difference wraps into it.
    """
    bits = samples.dtype.bitwidth

    def write(context, builder, sig, args):
        source = context.make_array(sig.args[0])(context, builder, args[0]).data
        start, distance, middle, row, first = _whole(context, builder, sig, args, 1, 2, 3, 5, 6)
        line = ir.VectorType(ir.IntType(bits), LANES)
        lines = []
        for lane in range(LANES):
            place = builder.gep(source, [builder.add(start, builder.mul(distance, _WORD(lane)))])
            lines.append(builder.load(builder.bitcast(place, line.as_pointer()), align=bits // 8))
        one = builder.insert_element(line(ir.Undefined), builder.trunc(middle, ir.IntType(bits)), ir.IntType(32)(0))
        level = builder.shuffle_vector(one, one, _each(0))
        target = _address(context, builder, sig.args[4], args[4], row, first)
        for k, dealt in enumerate(_transposed(builder, lines)):
            place = builder.gep(target, [_WORD(k * LANES * bits // 8)])
            builder.store(builder.sub(dealt, level), builder.bitcast(place, line.as_pointer()), align=bits // 8)
        return context.get_dummy_value()

    return types.void(samples, start, distance, middle, matrix, row, first), write
