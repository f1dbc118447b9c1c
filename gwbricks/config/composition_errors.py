"""Explains what Hydra cannot compose: the key, the close match and the fix."""

import re
from collections.abc import Sequence

import yaml
from hydra import compose as hydra_compose
from hydra.core.config_store import ConfigStore
from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf

from gwbricks.config.groups import groups, options_of, without_null_groups
from gwbricks.config.hydra_session import hydra_session, UNCOMPOSABLE
from gwbricks.errors import ConfigError, suggest


def explain(error: Exception, overrides: Sequence[str]) -> ConfigError:
    """Turns Hydra's error into one that names the key, the close match and the fix."""
    if isinstance(error, yaml.MarkedYAMLError | OverrideParseException):
        return _unreadable(error)
    # Hydra has one class of error for most mistakes, so its words tell them apart. What
    # matches nothing, such as new words of a later Hydra, is shown as it is.
    text = str(error)
    if problem := _unswept(text, overrides):
        return problem
    if match := re.search(r"Could not override '([^']+)'", text):
        return _unknown_key(match[1], overrides)
    if match := re.search(r"Could not find '([^']+)/([^'/]+)'", text):
        return _unknown_option(match[1], match[2])
    if match := re.search(r"config group '([^']+)' does not exist", text):
        return _unknown_option(match[1], "")
    if match := re.search(r"In '([^']+)': Could not (?:find|load) '([^']+)'", text):
        group, _, option = match[2].rpartition("/")
        return _unknown_option(group, option, f" (in configs/{match[1]}.yaml)")
    if match := re.search(r"Error merging override ([^\s]+)", text):
        cause = str(error.__cause__ or text).splitlines()[0]
        return _unmerged(match[1], cause, overrides)
    return ConfigError(text.strip().splitlines()[0])


def _unreadable(error: yaml.MarkedYAMLError | OverrideParseException) -> ConfigError:
    if isinstance(error, OverrideParseException):
        return ConfigError(
            f"{error.override}: cannot be read: {error.message.splitlines()[0]}."
            " Expected key=value. Fix: quote what has spaces, brackets or commas, as in"
            " 'key=[1, 2]'."
        )
    mark = error.problem_mark
    where = f"{mark.name}, line {mark.line + 1}" if mark else "YAML"
    return ConfigError(f"{where}: {error.problem}. Expected YAML.")


def _unswept(text: str, overrides: Sequence[str]) -> ConfigError | None:
    """Explains several values where there may be one, or a range of single ones."""
    match = re.search(r"(?:Ambiguous value for argument|parameters) '(.+)'", text)
    if "does not support sweep type" in text or (match and "interval(" in match[1]):
        given = next((o for o in overrides if "interval(" in o), "hydra.sweeper.params")
        return ConfigError(
            f"{given}: an interval needs a search. Fix: gwbricks train -m"
            " hydra/sweeper=optuna …"
        )
    if not match:
        return None
    key, _, values = match[1].partition("=")
    as_list = "" if "(" in values else f", or {key}=[{values}] for a list"
    return ConfigError(
        f"{match[1]}: several values. Fix: gwbricks train -m …, which runs a job for"
        f" each{as_list}."
    )


def _unmerged(override: str, cause: str, overrides: Sequence[str]) -> ConfigError:
    if "not in" in cause:
        return _unknown_key(override.partition("=")[0].lstrip("+~"), overrides)
    return ConfigError(f"{override}: {cause}.")


def _unknown_key(key: str, overrides: Sequence[str]) -> ConfigError:
    if "@" in key:
        return ConfigError(
            f"{key}: nothing that is chosen has this group in this place. Fix: leave it"
            " out, or choose what has it."
        )
    cfg = _chosen(overrides, key)
    places = cfg.hydra.runtime.choices if "hydra" in cfg else {}
    if not key.startswith("hydra."):
        cfg.pop("hydra", None)
    for place in places:
        if str(place).startswith(f"{key}@"):
            return ConfigError(f"{key}: this group has a place. Fix: {place}=OPTION.")
    if reference := _reference(cfg, key):
        where, target = reference
        return ConfigError(
            f"{key}: {where!r} is {target}, so it has no keys of its own. Fix: change"
            f" that one, or give {where} as a whole."
        )
    parent, _, name = key.rpartition(".")
    while parent and not isinstance(OmegaConf.select(cfg, parent), DictConfig):
        parent, _, name = parent.rpartition(".")
    node = OmegaConf.select(cfg, parent) if parent else cfg
    known = [str(k) for k in node] if isinstance(node, DictConfig) else []
    options = [] if parent else groups()
    where = f"{parent}.{name}" if parent else name
    if name in known:
        value = OmegaConf.select(cfg, where)
        return ConfigError(f"{key}: {where!r} is {value!r}, so it has no keys.")
    return ConfigError(
        f"{key}: the config has no key {where!r}.{suggest(name, {*known, *options})}"
        f" Fix: the right name, or +{key}=… to add a key."
    )


def _chosen(overrides: Sequence[str], but: str) -> DictConfig:
    """Composes the groups that the overrides choose, but for one of them.

    A key can only be compared with what is there: an experiment brings keys of its own.
    """
    keys = {o: re.split("=", o.lstrip("+~"))[0] for o in overrides}
    chosen = [
        o for o, k in keys.items() if k.partition("@")[0] in groups() and k != but
    ]
    try:
        with hydra_session():
            overrides = without_null_groups(chosen)
            cfg = hydra_compose("train", overrides, return_hydra_config=True)
    except UNCOMPOSABLE:
        return OmegaConf.create({})
    OmegaConf.set_struct(cfg, False)  # omegaconf pops nothing from a locked one
    return cfg


def _reference(cfg: DictConfig, key: str) -> tuple[str, str] | None:
    """Returns the part of a key that refers to another, and what it refers to."""
    node, path = cfg, []
    for name in key.split(".")[:-1]:
        path.append(name)
        if not isinstance(node, DictConfig) or name not in node:
            return None
        # Asked before the value is, which would follow the reference.
        if OmegaConf.is_interpolation(node, name):
            raw = OmegaConf.to_container(node, resolve=False)
            return ".".join(path), str(raw[name]) if isinstance(raw, dict) else ""
        node = node[name]
    return None


def _unknown_option(group: str, option: str, where: str = "") -> ConfigError:
    folder = group.lstrip("/").partition("@")[0]
    options = sorted({*options_of(folder), *_stored(folder)})
    if not options:
        hint = suggest(folder, groups())
        return ConfigError(f"{folder}: there is no such config group{where}.{hint}")
    hint = suggest(option, options)
    return ConfigError(f"{folder}={option}: unknown option{where}.{hint}")


def _stored(group: str) -> list[str]:
    """Returns the options that plugins of Hydra add to a group."""
    try:
        files = ConfigStore.instance().list(group)
    except OSError:  # what the store raises for a group that it does not have
        return []
    return [file.removesuffix(".yaml") for file in files]
