"""The resolved config as it is saved: plain values, and no secrets."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

SECRETS = ("password", "secret", "token", "api_key", "apikey")
MASK = "***"
IDENTITY_FREE = ("paths", "logger", "sweep", "threads")
"""Sections that do not change what a run computes."""


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
        >>> saved_config(OmegaConf.create({"home": "${oc.env:HOME}", "token": "x", "a": 1}))
        {'home': '${oc.env:HOME}', 'token': '***', 'a': 1}
    """
    OmegaConf.register_new_resolver("oc.env", _keep_reference, replace=True)
    try:
        return _mask(plain_config(cfg))
    finally:
        from omegaconf.resolvers import oc

        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _keep_reference(*args: object) -> str:
    return "${oc.env:" + ",".join(map(str, args)) + "}"


def _mask(node: Any) -> Any:  # noqa: ANN401 - any value of a config
    if isinstance(node, list):
        return [_mask(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        name: MASK
        if isinstance(value, str) and any(word in str(name).lower() for word in SECRETS)
        else _mask(value)
        for name, value in node.items()
    }
