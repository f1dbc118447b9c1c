"""Random graphs against a naive executor, which runs again and again what it can."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import pytest
from hypothesis import event, given, settings, strategies as st

from gwbricks.bricks import (
    Brick,
    BrickCollection,
    BrickNotTrainable,
    BrickShared,
    Stage,
)
from gwbricks.errors import UnknownNameError, WiringError

STAGES = (Stage.TRAIN, Stage.TEST)
Problems = set[tuple[type[WiringError], str]]
Case = tuple[list["Spec"], set[str], Stage, list[str] | None]


@dataclass(frozen=True)
class Spec:
    """A brick in plain words; those that differ in nothing but the path are one."""

    path: str
    reads: tuple[str, ...] | None
    writes: tuple[str, ...]
    stages: tuple[Stage, ...] = STAGES
    keyword: bool = False
    skip: bool = False
    shares: str = ""

    def answer(self, args: object) -> list[int]:
        """Tells the brick, its arguments and their order apart."""
        tag = f"{replace(self, path='')}{args}"
        return [crc32(f"{name}{tag}".encode()) for name in self.writes]


@dataclass
class Run:
    """Values and calls, or all that may be said to be wrong."""

    values: dict[str, Any]
    calls: Counter[Spec]
    problems: Problems


def full_name(name: str, path: str) -> str | None:
    parts = path.split(".")[:-1]
    if name[:2] not in ("./", ".."):
        return name
    for part in name.split("/"):
        if part == ".." and not parts:
            return None
        parts = parts[:-1] if part == ".." else parts + [part] * (part != ".")
    return "/".join(parts)


def star(pattern: str, name: str) -> str | None:
    head, found, tail = pattern.partition("*")
    if not found:
        return "" if pattern == name else None
    fits = name.startswith(head) and name[len(head) :].endswith(tail)
    return name[len(head) : len(name) - len(tail)] if fits else None


def owner_of(spec: Spec, specs: Sequence[Spec]) -> Spec | None:
    """Returns the brick whose module it calls, found from its nest outwards."""
    nest = spec.path.split(".")[:-1]
    while spec.shares:
        path = ".".join([*nest, spec.shares])
        for other in specs:
            if other.path == path != spec.path:
                return None if other.shares else other
        if not nest:
            return None
        nest.pop()
    return spec


def resolve(specs: Sequence[Spec]) -> tuple[list[Spec], Problems]:
    """Returns the bricks with full names."""
    problems: Problems = set()
    for spec in specs:
        names = [name.rstrip("?") for name in (*(spec.reads or ()), *spec.writes)]
        lost = {name for name in names if full_name(name, spec.path) is None}
        problems |= {(WiringError, name) for name in lost}
        if owner_of(spec, specs) is None:
            problems.add((WiringError, spec.shares))
    reads, writes = (
        [tuple(full_name(n, s.path) or "" for n in names(s) or ()) for s in specs]
        for names in (lambda s: s.reads, lambda s: s.writes)
    )
    return [
        replace(s, reads=None if s.reads is None else r, writes=w)
        for s, r, w in zip(specs, reads, writes, strict=True)
    ], problems


def waits_for(alive: Sequence[Spec]) -> dict[str, set[str]]:
    """Returns what each brick reads from; `all` is whatever does not come after it."""
    waits = {
        reader.path: {
            source.path
            for source in alive
            if source is not reader
            for read in reader.reads or ()
            for name in source.writes
            if star(read.rstrip("?"), name) is not None
        }
        for reader in alive
    }
    for spec in sorted(alive, key=lambda spec: spec.path):
        if spec.reads is None:
            later = {spec.path}
            for _ in alive:
                later |= {path for path, found in waits.items() if found & later}
            waits[spec.path] = {s.path for s in alive if s.writes} - later
    return waits


def in_order(alive: Sequence[Spec]) -> list[Spec]:
    """Takes whatever is ready, over and over; what waits for itself is left out."""
    waits, order = waits_for(alive), []
    for _ in alive:
        done = {spec.path for spec in order}
        order += [s for s in alive if s not in order and waits[s.path] <= done]
    return order


def misfits(specs: Sequence[Spec], data: Collection[str], stage: Stage) -> Problems:
    """Returns names with two writers, names of loops, and outputs that are inputs."""
    names: set[str] = set()
    for each in STAGES:
        alive = [spec for spec in specs if each in spec.stages]
        written = Counter(name for spec in alive for name in spec.writes)
        written.update([*data] if each is stage else [])
        names |= {n for s in alive for n in s.writes if written[n] > 1}
        for spec in alive:
            names |= {n.rstrip("?") for n in spec.reads or ()} & {*spec.writes}
            names |= {*spec.writes} if spec not in in_order(alive) else set()
    return {(WiringError, name) for name in names}


def gather(spec: Spec, values: Mapping[str, Any], stage: Stage) -> tuple[Any, set[str]]:
    """Returns the arguments, and the names that are missing."""
    if spec.reads is None:
        return [dict(sorted(values.items()))], set()
    args, missing = [], set()
    for read in spec.reads:
        name = read.rstrip("?")
        stars = {n: star(name, n) for n in sorted(values) if n not in spec.writes}
        found = {s: values[n] for n, s in stars.items() if s is not None}
        known = {"stage": stage, **values}
        if not found and name not in known and name == read:
            missing.add(name)
        args.append(found if "*" in name else known.get(name))
    return args, missing


def execute(
    written: Sequence[Spec],
    data: Mapping[str, int],
    stage: Stage,
    outputs: Collection[str] | None,
) -> Run:
    specs, problems = resolve(written)
    problems = problems or misfits(specs, data, stage)
    if problems:
        return Run({}, Counter(), problems)
    owners = {s.path: replace(owner_of(s, written) or s, path="") for s in written}
    alive = [s for s in specs if stage in s.stages]
    writers = {name: spec.path for spec in alive for name in spec.writes}
    values, waits = dict(data), waits_for(alive)
    faults: dict[str, Problems] = {}
    dead = {name for s in specs if s not in alive for name in s.writes}
    lost: set[str] = set()
    for spec in in_order(alive):
        args, missing = gather(spec, values, stage)
        is_lost = any(star(name, n) is not None for name in missing for n in lost)
        if missing and (spec.skip or is_lost):
            lost |= {*spec.writes}
            continue
        errors = {n: WiringError if n in dead else UnknownNameError for n in missing}
        faults[spec.path] = {(error, name) for name, error in errors.items()}
        values |= dict(zip(spec.writes, owners[spec.path].answer(args), strict=True))
    needed = set(faults) if outputs is None else set()
    for name in set(outputs or ()) - data.keys():
        needed |= {writers[name]} if name in values else set()
        if name not in values:
            problems.add((WiringError if name in lost else UnknownNameError, name))
    for _ in alive:
        needed |= {source for path in needed for source in waits[path] & faults.keys()}
    problems |= {fault for path in needed for fault in faults[path]}
    kept = {n: v for n, v in values.items() if n in data or writers[n] in needed}
    return Run(kept, Counter(owners[path] for path in needed), problems)


def build(specs: Sequence[Spec], calls: list[Spec]) -> BrickCollection:
    made: dict[Spec, Brick] = {}

    def make(spec: Spec) -> Brick:
        def module(*args: object, **named: object) -> object:
            calls.append(spec)
            found = spec.answer([*args, *(named[key] for key in sorted(named))])
            return found[0] if len(found) == 1 else found

        reads: Any = "all" if spec.reads is None else list(spec.reads)
        if spec.keyword and spec.reads is not None:
            reads = {name: f"a{place}" for place, name in enumerate(reads)}
        more: dict[str, Any] = {"alive_stages": spec.stages, "skip_missing": spec.skip}
        if spec.shares:
            return BrickShared(spec.shares, reads, spec.writes, **more)
        return BrickNotTrainable(module, reads, spec.writes, **more)

    tree: dict[str, Any] = {}
    for spec in specs:
        *nests, name = spec.path.split(".")
        inner = tree
        for nest in nests:
            inner = inner.setdefault(nest, {})
        key = replace(spec, path="")
        inner[name] = made[key] = made.get(key) or make(key)
    return BrickCollection(tree)


DATA = ["x", "z", "v/c", "n/r"]
ODD = ["./r", "../r", "r", "n/r", "n/m/r", "nope", "*/c", "v/*", "./*", "n/*"]


@st.composite
def graphs(draw: st.DrawFn) -> list[Spec]:
    specs: list[Spec] = []
    is_odd = draw(st.booleans())
    for index in range(draw(st.integers(1, 6))):
        path = draw(st.sampled_from(["", "", "n.", "n.m.", "o."])) + f"b{index}"
        kind = draw(st.integers(0, 11))
        if kind == 0 and specs:
            specs.append(replace(draw(st.sampled_from(specs)), path=path))
            continue
        before = [full_name(n, s.path) or "r" for s in specs for n in s.writes]
        later = [f"y{draw(st.integers(index, 6))}"] * 9 if kind == 1 else []
        known = ["x", "z", "stage", *before * 4, *(ODD + later if is_odd else ["*/c"])]
        read = st.builds(
            str.__add__, st.sampled_from(known), st.sampled_from(["", "", "", "?"])
        )
        reads = tuple(draw(st.lists(read, max_size=3, unique=True)))
        own = [f"y{index}", f"y{index}", f"w{index}/c", f"./r{index}"]
        own += ["./r", "../r", *before[:1]] if is_odd else []
        writes = st.lists(st.sampled_from(own), max_size=2, unique=True)
        owners = [s.path for s in specs if len(s.writes) == 1 and kind in (2, 3)]
        owners += [path.split(".")[-1] for path in owners[:1]]
        specs.append(
            Spec(
                path,
                None if kind == 4 else reads,
                (draw(st.sampled_from(own)),) if owners else tuple(draw(writes)),
                draw(
                    st.sampled_from([STAGES, STAGES, STAGES, *[(s,) for s in STAGES]])
                ),
                keyword=kind == 5,
                skip=draw(st.integers(0, 3)) == 0,
                shares=draw(st.sampled_from([*owners, owners[0].split(".")[-1]]))
                if owners
                else "",
            )
        )
    return draw(st.permutations(specs))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    specs = draw(graphs())
    written = [full_name(name, s.path) or name for s in specs for name in s.writes]
    wanted = st.lists(st.sampled_from([*written * 3, "x", "nope"]), max_size=2)
    names = draw(st.just({*DATA[:3]}) | st.sets(st.sampled_from(DATA)))
    return specs, names, draw(st.sampled_from(STAGES)), draw(st.none() | wanted)


def check_result(case: Case) -> None:
    specs, names, stage, outputs = case
    data = {name: place for place, name in enumerate(sorted(names))}
    expected = execute(specs, data, stage, outputs)
    event("wrong" if expected.problems else "right")
    calls: list[Spec] = []
    try:
        values = build(specs, calls)(data, stage, outputs=outputs)
    except WiringError as error:
        guilty = {name for kind, name in expected.problems if kind is type(error)}
        assert any(f"{name}" in str(error) for name in guilty), error  # noqa: PT017
        return
    assert expected.problems == set()
    assert repr(sorted(values.items())) == repr(sorted(expected.values.items()))
    assert Counter(calls) == expected.calls


def check_needs(case: Case) -> None:
    specs, names, stage, outputs = case

    def works(given: Collection[str]) -> bool:
        return not execute(specs, dict.fromkeys(given, 1), stage, outputs).problems

    try:
        needed = build(specs, []).required_inputs(stage, outputs)
    except WiringError:
        event("wrong")
        assert not works(names) or {*(outputs or ())} & names  # a typo, or data
        return
    event(f"needs {len(needed)}")
    given = {name.replace("*", "any") for name in needed}
    assert works(given)
    assert not any(works(given - {name}) for name in given)
    if works(names):
        assert all(any(star(n, m) is not None for m in names) for n in needed)


@pytest.mark.parametrize(
    "count", [100, pytest.param(2000, marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.parametrize("check", [check_result, check_needs])
def test_law(check: Callable[[Case], None], count: int) -> None:
    settings(max_examples=count)(given(case=cases())(check))()
