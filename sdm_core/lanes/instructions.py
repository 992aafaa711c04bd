"""The operations on lanes as instructions for the compiler."""

import operator as python
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

from . import operations
from .operations import LANES

insert_function: Any = cgutils.get_or_insert_function
_INT, _WHOLE, _SINGLE = ir.IntType(32), ir.VectorType(ir.IntType(32), LANES), ir.VectorType(ir.FloatType(), LANES)


class LanesType(types.Type):
    """LANES numbers in single precision."""

    def __init__(self) -> None:
        super().__init__(name=f"lanes{LANES}")


_LANES = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, _SINGLE)  # type: ignore[no-untyped-call]


def _spread(builder: ir.IRBuilder, value: ir.Value, kind: types.Type) -> ir.Value:
    """A plain number becomes LANES times the same."""
    if isinstance(kind, LanesType):
        return value
    nothing = ir.Constant(_SINGLE, ir.Undefined)
    one = builder.insert_element(nothing, value, _INT(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(_WHOLE, [0] * LANES))


def _operation(build: Callable[..., ir.Value], n_arguments: int) -> Any:
    """An operation on lanes and plain numbers; `build` takes the builder and its values."""

    def typed(kinds: tuple[types.Type, ...]) -> tuple[Any, Any]:
        plain = [kind if isinstance(kind, LanesType) else types.float32 for kind in kinds]

        def code(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> ir.Value:
            wide = (_spread(builder, value, kind) for value, kind in zip(values, signature.args, strict=True))
            return build(builder, *wide)

        return _LANES(*plain), code

    if n_arguments == 1:
        return intrinsic(lambda typing, a: typed((a,)))
    if n_arguments == 2:
        return intrinsic(lambda typing, a, b: typed((a, b)))
    return intrinsic(lambda typing, a, b, c: typed((a, b, c)))


def _named(name: str, n_arguments: int) -> Any:
    """An operation that the compiler knows by name."""

    def build(builder: ir.IRBuilder, *lanes: ir.Value) -> ir.Value:
        kind = ir.FunctionType(_SINGLE, [_SINGLE] * n_arguments)
        function = insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return builder.call(function, lanes)

    return _operation(build, n_arguments)


def _of_bits(build: Callable[[ir.IRBuilder, ir.Value], ir.Value]) -> Any:
    """An operation on the bits of the lanes, as whole numbers; what it leaves are again bits of lanes."""
    return _operation(lambda b, a: b.bitcast(build(b, b.bitcast(a, _WHOLE)), _SINGLE), 1)


def _whole(number: int) -> ir.Constant:
    return ir.Constant(_WHOLE, [number] * LANES)


def _larger_of(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    return b.select(b.fcmp_ordered(">", x, y), x, y)


def _exponent_of(b: ir.IRBuilder, a: ir.Value) -> ir.Value:
    rest = b.sub(b.bitcast(a, _WHOLE), _whole(operations.ROOT_HALF_BITS))
    return b.sitofp(b.ashr(rest, _whole(operations.MANTISSA_BITS)), _SINGLE)


def _mantissa_of(b: ir.IRBuilder, bits: ir.Value) -> ir.Value:
    rest = b.and_(b.sub(bits, _whole(operations.ROOT_HALF_BITS)), _whole(2**operations.MANTISSA_BITS - 1))
    return b.add(rest, _whole(operations.ROOT_HALF_BITS))


_add = _operation(lambda b, x, y: b.fadd(x, y), 2)
_subtract = _operation(lambda b, x, y: b.fsub(x, y), 2)
_multiply = _operation(lambda b, x, y: b.fmul(x, y), 2)
_divide = _operation(lambda b, x, y: b.fdiv(x, y), 2)
_above = _operation(lambda b, a: b.uitofp(b.fcmp_ordered(">", a, ir.Constant(_SINGLE, [0.0] * LANES)), _SINGLE), 1)
_negate = _operation(lambda b, a: b.fneg(a), 1)
_choose = _operation(_larger_of, 2)
_fused, _square_root = _named("fma", 3), _named("sqrt", 1)
_inverse = _of_bits(lambda b, a: b.sub(_whole(operations.RECIPROCAL_ESTIMATE), a))
_inverse_root = _of_bits(lambda b, a: b.sub(_whole(operations.ROOT_ESTIMATE), b.ashr(a, _whole(1))))
_power = _operation(_exponent_of, 1)
_fraction = _of_bits(_mantissa_of)


def _pointer(context: Any, builder: ir.IRBuilder, kind: types.Array, array: ir.Value, place: ir.Value) -> ir.Value:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _SINGLE.as_pointer())


@intrinsic
def _load_lanes(typing: Any, array: types.Array, place: types.Integer) -> tuple[Any, Any]:
    def code(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> ir.Value:
        return builder.load(_pointer(context, builder, signature.args[0], *values), align=4)

    return _LANES(array, types.intp), code


@intrinsic
def _store_lanes(typing: Any, array: types.Array, place: types.Integer, lanes: LanesType) -> tuple[Any, Any]:
    def code(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> ir.Value:
        builder.store(values[2], _pointer(context, builder, signature.args[0], *values[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


@intrinsic
def _zero_lanes(typing: Any) -> tuple[Any, Any]:
    return _LANES(), lambda context, builder, signature, values: ir.Constant(_SINGLE, [0.0] * LANES)


def _any_lanes(*kinds: types.Type) -> bool:
    return any(isinstance(kind, LanesType) for kind in kinds)


_load: Any = _load_lanes
_store: Any = _store_lanes
_zeros: Any = _zero_lanes


def _teach_arithmetic(function: Callable[..., Any], operation: Any) -> None:
    # Numba compares the parameters of both functions, annotations included; lambdas have none.
    overload(function)(lambda a, b: (lambda a, b: operation(a, b)) if _any_lanes(a, b) else None)


for _function, _instruction in (
    (python.add, _add), (python.sub, _subtract), (python.mul, _multiply), (python.truediv, _divide),
):  # fmt: skip
    _teach_arithmetic(_function, _instruction)

overload(operations.load)(lambda array, place: lambda array, place: _load(array, place))
overload(operations.store)(lambda array, place, lanes: lambda array, place, lanes: _store(array, place, lanes))
overload(operations.zeros)(lambda: lambda: _zeros())
overload(operations.fma)(lambda a, b, c: lambda a, b, c: _fused(a, b, c))
overload(operations.minus)(lambda a: lambda a: _negate(a))
overload(operations.larger)(lambda a, b: lambda a, b: _choose(a, b))
overload(operations.positive)(lambda a: lambda a: _above(a))
overload(operations.root)(lambda a: lambda a: _square_root(a))
overload(operations.bits_of_reciprocal)(lambda a: lambda a: _inverse(a))
overload(operations.bits_of_reciprocal_root)(lambda a: lambda a: _inverse_root(a))
overload(operations.exponent)(lambda a: lambda a: _power(a))
overload(operations.mantissa)(lambda a: lambda a: _fraction(a))
