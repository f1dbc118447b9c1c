"""Reads a pickle as data: nothing that it names is imported, built or called."""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Global:
    """A class or function that a pickle names.

    Args:
        name: Its dotted name.
    """

    name: str


@dataclass(frozen=True, eq=False)
class Call:
    """A call that loading the pickle would have made.

    Args:
        function: What would have been called; usually a `Global`.
        args: What it would have been given.
    """

    function: object
    args: object


@dataclass(frozen=True, eq=False)
class Persistent:
    """Something that a pickle refers to and that is kept beside it.

    Args:
        key: How it is referred to.
    """

    key: object


ORDERED_DICT = Global("collections.OrderedDict")


def read_pickle(data: bytes) -> Any:  # noqa: ANN401 - whatever was pickled
    """Returns plain values as they are, and all else as `Global`, `Call`, `Persistent`.

    An ordered dictionary becomes a plain one, sets become `Call`s. The state of objects
    is dropped, and so are keys of dictionaries that are no text or number.

    Args:
        data: The pickle.

    Raises:
        ValueError: If it is no pickle, or damaged.

    Example:
        >>> import pickle
        >>> read_pickle(pickle.dumps({"a": [1, 2.5], "b": print}))
        {'a': [1, 2.5], 'b': Global(name='builtins.print')}
    """
    machine = _Machine()
    try:
        for opcode, arg, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.run(opcode.name, arg)
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"damaged pickle: {error}") from error
    raise ValueError("damaged pickle: it has no end")


class _Machine:
    """The stack machine that a pickle is a program of, without any calls."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, name: str, arg: Any) -> None:  # noqa: ANN401 - as the opcode has it
        if name in LITERALS:
            self.stack.append(arg)
        elif name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name in POPS:
            count, make = POPS[name]
            values = self.stack[-count:]
            if len(values) < count:
                raise ValueError("damaged pickle: it ends too early")
            del self.stack[-count:]
            self.stack.append(make(*values))
        elif name in MARKED:
            values = self._to_mark()
            self.stack.append(MARKED[name](values))
        elif name in METHODS:
            METHODS[name](self, arg)
        elif name not in IGNORED:
            raise ValueError(f"the pickle has the opcode {name}, which is not read")

    def _to_mark(self) -> list[Any]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def pop(self, _: object) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def pop_mark(self, _: object) -> None:
        self._to_mark()

    def duplicate(self, _: object) -> None:
        self.stack.append(self.stack[-1])

    def put(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def name(self, arg: str) -> None:
        self.stack.append(_named(*arg.split(" ", 1)))

    def persist(self, key: str) -> None:
        self.stack.append(Persistent(key))

    def instance(self, arg: str) -> None:
        args = self._to_mark()
        self.stack.append(Call(_named(*arg.split(" ", 1)), tuple(args)))

    def add_item(self, _: object) -> None:
        key, value = self.stack.pop(-2), self.stack.pop()
        _set(self.stack[-1], [key, value])

    def add_items(self, _: object) -> None:
        items = self._to_mark()
        _set(self.stack[-1], items)

    def append(self, _: object) -> None:
        value = self.stack.pop()
        _extend(self.stack[-1], [value])

    def extend(self, _: object) -> None:
        values = self._to_mark()
        _extend(self.stack[-1], values)


def _named(module: object, name: object) -> Global:
    return Global(f"{module}.{name}".replace("__builtin__.", "builtins."))


def _call(function: object, args: object, *_: object) -> object:
    return {} if function == ORDERED_DICT and args == () else Call(function, args)


def _pairs(items: list[Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    _set(made, items)
    return made


def _set(target: object, items: list[Any]) -> None:
    if isinstance(target, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((k, v) for k, v in pairs if isinstance(k, str | int | float))


def _extend(target: object, values: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(values)


def _set_of(values: list[Any]) -> Call:
    return Call(Global("builtins.frozenset"), tuple(values))


LITERALS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
IGNORED = frozenset({"PROTO", "FRAME"})
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: _set_of([]),
}
POPS: dict[str, tuple[int, Callable[..., Any]]] = {
    "TUPLE1": (1, lambda *values: values),
    "TUPLE2": (2, lambda *values: values),
    "TUPLE3": (3, lambda *values: values),
    "STACK_GLOBAL": (2, _named),
    "BINPERSID": (1, Persistent),
    "REDUCE": (2, _call),
    "NEWOBJ": (2, _call),
    "NEWOBJ_EX": (3, _call),
    "BUILD": (2, lambda made, _: made),
}
MARKED: dict[str, Callable[[list[Any]], Any]] = {
    "LIST": list,
    "TUPLE": tuple,
    "DICT": _pairs,
    "FROZENSET": _set_of,
    "OBJ": lambda values: Call(values[0], tuple(values[1:])),
}
METHODS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.name,
    "PERSID": _Machine.persist,
    "INST": _Machine.instance,
    "SETITEM": _Machine.add_item,
    "SETITEMS": _Machine.add_items,
    "ADDITEMS": _Machine.add_items,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
}
"""What each opcode does; those of extensions and of buffers are refused."""
