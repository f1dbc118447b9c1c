"""The resolved config as it is saved: plain values, and no secrets."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

SECRET = r"(?:[^\W_]+_)*(?:password|secret|token|api_?key)s?(?:_[^\W_]+)*"
"""A key whose value is not saved: `token` and `hf_token`, but not `tokenizer`."""

MASK = "***"


def plain_config(cfg: DictConfig) -> dict[str, Any]:
    """Resolves a config; values of environment variables are put in."""
    plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def saved_config(cfg: DictConfig) -> dict[str, Any]:
    """Resolves a config for a file, a checkpoint or W&B.

    What comes from an environment variable stays a reference to it, and values of keys
    such as `password` or `api_key` are masked.

    Example:
        >>> saved_config(OmegaConf.create({"home": "${oc.env:HOME}", "token": "x"}))
        {'home': '${oc.env:HOME}', 'token': '***'}
    """
    # Resolving replaces every reference, and omegaconf has no way to leave some out. So
    # for as long as it lasts, `oc.env` is replaced by what writes the reference again.
    OmegaConf.register_new_resolver("oc.env", _keep_reference, replace=True)
    try:
        return _mask(plain_config(cfg))
    finally:
        from omegaconf.resolvers import oc

        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def masked_overrides(overrides: Iterable[str]) -> list[str]:
    """Returns overrides of the command line without secrets.

    Example:
        >>> masked_overrides(["seed=1", "+data.hf_token=x", "a={api_key: y, b: 1}"])
        ['seed=1', '+data.hf_token=***', 'a={api_key: ***, b: 1}']
    """
    given = re.compile(rf"(\b{SECRET}\s*[=:]\s*)[^,}}]+", re.IGNORECASE)
    return [given.sub(rf"\g<1>{MASK}", override) for override in overrides]


def _keep_reference(*args: object) -> str:
    return "${oc.env:" + ",".join(map(str, args)) + "}"


def _mask(node: Any) -> Any:  # noqa: ANN401 - any value of a config
    if isinstance(node, list):
        return [_mask(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        name: MASK
        if isinstance(value, str) and re.fullmatch(SECRET, str(name), re.IGNORECASE)
        else _mask(value)
        for name, value in node.items()
    }


CHANGES_NOTHING = ("paths", "logger", "sweep", "threads")
"""Sections that change nothing of what a job computes."""
