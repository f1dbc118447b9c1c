"""Which keys of the config tell runs apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gwbricks.compare.run import ComparedRun
from gwbricks.compare.values import equality_key, MISSING
from gwbricks.errors import UnknownNameError

UNRELATED = ("paths", "logger", "sweep", "threads")
"""Parts of a config that do not change what is computed."""

Setting = tuple[str, str]
"""A key and what the command line said of it."""

SEED, EXPERIMENT, RUN = "seed", "experiment", "run"
"""Keys that stand for more than their value; `run` holds the names of runs."""


@dataclass(frozen=True)
class ComparedKey:
    """A key whose values differ.

    Args:
        name: The dotted key.
        also: Keys that differ in the same way, such as references to it.
    """

    name: str
    also: tuple[str, ...] = ()


class Configs:
    """The configs of some runs, by key.

    A run that failed before it left a config has the values of its command line. Which
    keys change together is judged by the other runs, if there are any.

    Args:
        runs: The runs.
    """

    def __init__(self, runs: Sequence[ComparedRun]) -> None:
        given = [_given(run) for run in runs]
        self.given = {name for each in given for name in each}
        names = dict.fromkeys(name for run in runs for name in run.config or {})
        pairs = list(zip(runs, given, strict=True))
        names |= dict.fromkeys(n for r, g in pairs if r.config is None for n in g)
        if EXPERIMENT in self.given:
            names[EXPERIMENT] = None
        meant = _values_by_setting(pairs)
        self.values = {name: [_value(name, *p, meant) for p in pairs] for name in names}
        ids = {name: [equality_key(v) for v in vs] for name, vs in self.values.items()}
        complete = [i for i, run in enumerate(runs) if run.config is not None]
        complete = complete or list(range(len(runs)))
        self._ids = {name: [each[i] for i in complete] for name, each in ids.items()}
        self.differing = []
        for name, each in ids.items():
            # what a run without a config did not set is unknown, which is no difference
            said = (i for i, g in zip(each, given, strict=True) if name in g)
            if len({*self._ids[name], *said}) > 1:
                self.differing.append(name)
        # seeds of data or samplers that are always the run's seed
        own = self._ids.get(SEED, [])
        found = [n for n, i in self._ids.items() if n.endswith(SEED) and i == own]
        found += [n for n in self.differing if self._quotes_seed(n)]
        self.seeds = sorted(found, key=lambda name: name != SEED)
        self.values[RUN] = [run.name for run in runs]

    def _quotes_seed(self, name: str) -> bool:
        """Whether lists differ in the seed alone, as `[experiment=digits, seed=0]`."""
        values, seeds = self.values[name], self.values.get(SEED, ())
        if not seeds or not all(isinstance(value, list) for value in values):
            return False
        others = (
            [each for each in value if each != f"{SEED}={seed}"]
            for value, seed in zip(values, seeds, strict=True)
        )
        return len(set(map(equality_key, others))) == 1

    def distinguishing(self) -> list[ComparedKey]:
        """Returns the keys that tell the runs apart, seeds aside.

        What the command line changed comes first. Of keys that always change together,
        such as a key and the references to it, one stands for all.
        """
        found = [
            name
            for name in self.differing
            if name not in self.seeds and name.split(".")[0] not in UNRELATED
        ]
        found.sort(key=lambda n: (n not in self.given, n.count("."), n))
        settings = len(set(zip(*(self._ids[name] for name in found), strict=True)))
        hosts: dict[str, list[str]] = {}  # a key, and those that it stands for
        for name in found:
            follows = (h for h in hosts if self._follows(name, h, settings))
            host = None if name in self.given else next(follows, None)
            if host is None and name not in self.given:
                host = self._part_of(name, list(hosts))
            hosts.setdefault(host or name, []).append(name)
        return [ComparedKey(host, tuple(names[1:])) for host, names in hosts.items()]

    def _follows(self, name: str, host: str, settings: int) -> bool:
        """Whether a key changes with another, and not just by chance."""
        own, other = self._ids[name], self._ids[host]
        if own == other:
            return True
        pairs = len(set(zip(other, own, strict=True)))
        if not pairs == len(set(other)) == len(set(own)):
            return False
        # where every run has numbers of its own, as in a search, any two keys pair up
        return pairs < settings or not all(isinstance(each, float) for each in own)

    def _part_of(self, name: str, hosts: Sequence[str]) -> str | None:
        """Returns the class that an argument belongs to, if the hosts determine it."""
        owner = next((host for host in hosts if name.startswith(f"{host}.")), None)
        if owner is None:
            return None
        rows = list(zip(*(self._ids[host] for host in hosts), strict=True))
        pairs = set(zip(rows, self._ids[name], strict=True))
        return owner if len(pairs) == len(set(rows)) else None

    def chosen(self, names: Sequence[str]) -> list[ComparedKey]:
        """Returns keys that were asked for, by their name or its unique end.

        Raises:
            UnknownNameError: If there is no such key.
        """
        return [ComparedKey(self._resolve(name)) for name in names]

    def _resolve(self, name: str) -> str:
        if name in self.values:
            return name
        told = [key.name for key in self.distinguishing()]
        for known in (told, self.differing, list(self.values)):
            ends = [full for full in known if full.endswith(f".{name}")]
            if len(ends) == 1:
                return ends[0]
        raise UnknownNameError("--by", name, self.values)


def _given(run: ComparedRun) -> dict[str, str]:
    """Returns what the command line set, by the key that it changed."""
    # in `domain@domains.v=mlp`, what changes is the key behind the sign
    pairs = [override.lstrip("+~").partition("=") for override in run.overrides]
    return {re.split("[@:]", name)[-1]: value for name, _, value in pairs}


def _values_by_setting(
    pairs: Sequence[tuple[ComparedRun, Mapping[str, str]]],
) -> dict[Setting, Any]:
    """Returns the value that each setting of a command line has in a config."""
    return {
        (name, text): run.config[name]
        for run, given in pairs
        if run.config is not None
        for name, text in given.items()
        if name in run.config
    }


def _value(
    name: str, run: ComparedRun, given: Mapping[str, str], meant: Mapping[Setting, Any]
) -> Any:  # noqa: ANN401
    """Returns a value of the config, or of the command line if there is none."""
    if run.config is not None and name in run.config:
        return run.config[name]
    text = given.get(name)
    if not text:
        return MISSING
    if (name, text) in meant:
        return meant[name, text]
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
