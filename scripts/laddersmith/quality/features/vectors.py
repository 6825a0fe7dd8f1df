"""Vectors of sixteen floats for numba: what one instruction works on, said in plain arithmetic.

The compiler's own vectoriser gives up where a loop writes several rows or looks at its neighbours, which is all that
an image kernel does. A kernel written with these vectors has packed instructions by construction: one register wide
with AVX-512, two or four registers elsewhere. Vectors know `+`, `-` and `*`, each rounded as IEEE 754 says; `fused`
leaves out a rounding. Every function here is called from compiled code only; its body writes the instructions.
Memory is not checked: reading or writing outside an array is an error of the caller's, as in C.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.core.extending import lower_builtin, models, register_model
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

LANES = 16
inline = njit(forceinline=True)  # for the parts of a kernel
kernel = njit(nogil=True, cache=True)
_INTEGER = ir.IntType(32)
_READ, _NEAR, _DATA = 0, 2, 1  # of llvm.prefetch: for reading, into the second level, data
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(_INTEGER, LANES)


class Vector(types.Type):
    """Numba's type of a vector: sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="Vector")


vector = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _FLOATS)


def _compiled(*parameters: type[types.Type], returns: types.Type = vector, operation: Any = None) -> Callable[..., Any]:
    """Make `write(context, builder, sig, *values)` a function of compiled code, or the meaning of an operator there."""

    def decorate(write: Callable) -> Callable[..., Any]:
        key = operation or f"{__name__}.{write.__name__}"

        @infer_global(operation or write, typing_key=key)
        class _Typing(AbstractTemplate):
            def generic(self, args, kws):
                fits = len(args) == len(parameters) and all(map(isinstance, args, parameters))
                return signature(returns, *args) if fits else None

        @lower_builtin(key, *parameters)
        def _lower(context, builder, sig, args):
            return write(context, builder, sig, *args)

        return write

    return decorate


def _place(context, builder, kind, value, row, column):
    """The address of an element of a contiguous matrix."""
    array = context.make_array(kind)(context, builder, value)
    width = builder.extract_value(array.shape, 1)
    row, column = (builder.sext(i, width.type) if i.type != width.type else i for i in (row, column))
    return builder.gep(array.data, [builder.add(builder.mul(row, width), column)], source_etype=array.data.type.pointee)


@_compiled(types.Array, types.Integer, types.Integer)
def load(context, builder, sig, matrix, row, column):
    """Sixteen neighbours of a row of a contiguous float32 matrix, from `column` on."""
    place = _place(context, builder, sig.args[0], matrix, row, column)
    return builder.load(builder.bitcast(place, _FLOATS.as_pointer()), align=4)


@_compiled(types.Array, types.Integer, types.Integer, Vector, returns=types.void)
def store(context, builder, sig, matrix, row, column, value):
    """Write sixteen neighbours of a row."""
    place = _place(context, builder, sig.args[0], matrix, row, column)
    builder.store(value, builder.bitcast(place, _FLOATS.as_pointer()), align=4)
    return context.get_dummy_value()


@_compiled(types.Array, types.Integer, returns=types.void)
def prefetch(context, builder, sig, samples, first):
    """Ask for the line of the cache with that element of a flat array. It need not exist."""
    array = context.make_array(sig.args[0])(context, builder, samples)
    place = builder.gep(array.data, [first], source_etype=array.data.type.pointee)
    kind = ir.FunctionType(ir.VoidType(), [place.type] + [_INTEGER] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [place, *(_INTEGER(n) for n in (_READ, _NEAR, _DATA))])
    return context.get_dummy_value()


def _pairs(context, builder, sig, samples, first, bits):
    """32 samples as sixteen integers of twice the width, and then the halves of each: no lane has to move."""
    array = context.make_array(sig.args[0])(context, builder, samples)
    place = builder.gep(array.data, [first], source_etype=array.data.type.pointee)
    pairs = ir.VectorType(ir.IntType(2 * bits), LANES)
    loaded = builder.load(builder.bitcast(place, pairs.as_pointer()), align=1)

    def each(value: int) -> ir.Constant:
        return ir.Constant(pairs, [value] * LANES)

    halves = builder.and_(loaded, each(2**bits - 1)), builder.lshr(loaded, each(bits))
    wide = [half if pairs == _INTEGERS else builder.zext(half, _INTEGERS) for half in halves]
    return context.make_tuple(builder, sig.return_type, [builder.sitofp(integers, _FLOATS) for integers in wide])


@_compiled(types.Array, types.Integer, returns=types.UniTuple(vector, 2))
def load_byte_pairs(context, builder, sig, samples, first):
    """32 bytes of a flat array from `first` on: (those at even places, those at odd places)."""
    return _pairs(context, builder, sig, samples, first, 8)


@_compiled(types.Array, types.Integer, returns=types.UniTuple(vector, 2))
def load_word_pairs(context, builder, sig, samples, first):
    """32 words of two bytes, low byte first, from byte `first` on: (those at even places, those at odd places)."""
    return _pairs(context, builder, sig, samples, first, 16)


def _shuffle(builder, one, two, lanes):
    return builder.shuffle_vector(one, two, ir.Constant(ir.VectorType(_INTEGER, len(lanes)), list(lanes)))


@_compiled(types.Array, types.Integer, types.Integer, types.Integer, Vector, returns=types.void)
def store_split(context, builder, sig, matrix, even, odd, column, value):
    """Write the eight lanes at even places to row `even` from `column` on, those at odd places to row `odd`."""
    half = ir.VectorType(ir.FloatType(), LANES // 2)
    for row, first in ((even, 0), (odd, 1)):
        place = _place(context, builder, sig.args[0], matrix, row, column)
        lanes = _shuffle(builder, value, value, range(first, LANES, 2))
        builder.store(lanes, builder.bitcast(place, half.as_pointer()), align=4)
    return context.get_dummy_value()


@_compiled(types.Number)
def splat(context, builder, sig, value):
    """The same number in every lane."""
    value = context.cast(builder, value, sig.args[0], types.float32)
    one = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, ir.Constant(_INTEGER, 0))
    return _shuffle(builder, one, one, [0] * LANES)


@_compiled(Vector, returns=types.float32)
def total(context, builder, sig, value):
    """The sum of the lanes, by halves."""
    width = LANES
    while width > 1:
        width //= 2
        value = builder.fadd(
            _shuffle(builder, value, value, range(width)), _shuffle(builder, value, value, range(width, 2 * width))
        )
    return builder.extract_element(value, ir.Constant(_INTEGER, 0))


def _arithmetic(operation: Callable, instruction: str) -> None:
    @_compiled(Vector, Vector, operation=operation)
    def _write(context, builder, sig, a, b):
        return getattr(builder, instruction)(a, b)


for _operation, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _arithmetic(_operation, _instruction)


def _built_in(builder, name, *values):
    function = ir.FunctionType(_FLOATS, [_FLOATS] * len(values))
    return builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.v{LANES}f32"), values)


@_compiled(Vector, Vector, Vector)
def fused(context, builder, sig, a, b, c):
    """a b + c, rounded once where the machine can (two roundings elsewhere)."""
    return _built_in(builder, "fmuladd", a, b, c)


@_compiled(Vector)
def magnitude(context, builder, sig, value):
    """|value|."""
    return _built_in(builder, "fabs", value)


@_compiled(Vector, Vector)
def maximum(context, builder, sig, a, b):
    """The greater one, lane by lane."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@_compiled(Vector, Vector)
def minimum(context, builder, sig, a, b):
    """The smaller one, lane by lane."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@_compiled(Vector, Vector, Vector, Vector)
def where_reaches(context, builder, sig, a, b, yes, no):
    """`yes` in the lanes where a >= b, `no` in the others."""
    return builder.select(builder.fcmp_ordered(">=", a, b), yes, no)


@_compiled(Vector, Vector)
def towards(context, builder, sig, value, other):
    """value with the sign that it has seen from `other`: positive where both have the same sign."""
    sign = ir.Constant(_INTEGERS, [-(2**31)] * LANES)
    bits = builder.and_(builder.bitcast(other, _INTEGERS), sign)
    return builder.bitcast(builder.xor(builder.bitcast(value, _INTEGERS), bits), _FLOATS)


@_compiled(Vector, Vector)
def earlier(context, builder, sig, before, here):
    """`here` moved by one place: its lane j is what stood at j - 1, the first comes from the vector before."""
    return _shuffle(builder, before, here, range(LANES - 1, 2 * LANES - 1))


@_compiled(Vector, Vector)
def later(context, builder, sig, here, behind):
    """`here` moved by one place: its lane j is what stood at j + 1, the last comes from the vector behind."""
    return _shuffle(builder, here, behind, range(1, LANES + 1))
