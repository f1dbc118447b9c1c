import os
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from gwbricks.pickle_data import Call, Global, Persistent, read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


class Calling:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


@given(value=PLAIN, protocol=st.integers(3, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_what_pickle_makes_of_them(
    value: object, protocol: int
) -> None:
    assert read_pickle(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_read(protocol: int) -> None:
    value = {"a": [1, 2.5, True, None], 2: ("x", 2**70), "d": OrderedDict(b=[])}
    assert read_pickle(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda flag: Calling(os.system, f"touch {flag}"), id="system"),
        pytest.param(
            lambda flag: Calling(eval, f"__import__('os').mkdir({flag!r})"), id="eval"
        ),
        pytest.param(lambda flag: Calling(Path(flag).touch), id="method"),
        pytest.param(lambda flag: Calling(partial(os.mkdir, flag)), id="partial"),
        pytest.param(lambda flag: {"a": [Calling(os.mkdir, flag)]}, id="nested"),
    ],
)
def test_nothing_that_is_pickled_runs(
    make: Callable[[str], object], protocol: int, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    data = pickle.dumps(make(str(flag)), protocol)
    read_pickle(data)
    assert not flag.exists()
    pickle.loads(data)  # it would have run
    assert flag.exists()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(b"cos\nsystem\n(S'touch flag'\ntR.", id="reduce"),
        pytest.param(b"(S'touch flag'\nios\nsystem\n.", id="instance"),
        pytest.param(b"(cos\nsystem\nS'touch flag'\no.", id="object"),
        pytest.param(b"\x80\x02cos\nsystem\nS'touch flag'\n\x85\x81.", id="new"),
        pytest.param(b"cbuiltins\ndict\n}S'a'\ncos\nsystem\nsb.", id="state"),
    ],
)
def test_no_opcode_calls_anything(
    program: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_pickle(program), Call | Global)
    assert not list(tmp_path.iterdir())
    assert vars(dict).get("a") is None


def test_no_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    found = read_pickle(b"cplanted\nThing\n)R.")
    assert isinstance(found, Call)
    assert found.function == Global("planted.Thing")
    assert found.args == ()


def test_what_is_kept_beside_the_pickle_is_named() -> None:
    found = read_pickle(b"\x80\x02(U\x07storageK\x03tQ.")
    assert isinstance(found, Persistent)
    assert found.key == ("storage", 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "damaged|exhausted|ends", id="empty"),
        pytest.param(b"garbage", "opcode|damaged|newline", id="garbage"),
        pytest.param(pickle.dumps({"a": 1})[:-2], "exhausted|no end", id="cut"),
        pytest.param(b"\x80\x02\x85.", "ends too early", id="nothing-to-pop"),
        pytest.param(b"h\x05.", "damaged", id="nothing-remembered"),
        pytest.param(b"\x80\x02\x82\x01.", "opcode EXT1", id="extension"),
        pytest.param(b"\x80\x05\x97.", "opcode NEXT_BUFFER", id="buffer"),
    ],
)
def test_what_is_no_pickle_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_pickle(data)


@pytest.mark.filterwarnings("ignore:invalid escape:DeprecationWarning")
@given(data=st.data())
@settings(max_examples=60)
def test_damage_is_read_as_data_or_is_an_error(data: st.DataObject) -> None:
    whole = pickle.dumps({"a": [1, (2, "x")], "b": Calling(os.getcwd)}, 2)
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    try:
        found = read_pickle(whole[:place] + bytes([byte]) + whole[place + 1 :])
    except ValueError:
        return
    assert str(Path.cwd()) not in repr(found)  # nothing was called


def test_every_opcode_is_read_or_refused() -> None:
    refused = {"EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"}
    for opcode in pickletools.opcodes:
        program = opcode.code.encode("latin-1") + b"1\n" * 8
        message = ""
        try:
            read_pickle(program)
        except ValueError as error:
            message = str(error)
        assert ("which is not read" in message) == (opcode.name in refused)
