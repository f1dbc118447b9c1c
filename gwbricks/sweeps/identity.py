"""What makes a job of a sweep the same job when the sweep is started again."""

import hashlib
import json

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gwbricks.config.saved import CHANGES_NOTHING


def job_identity(cfg: DictConfig, ckpt_path: str | None = None) -> str:
    """Returns a short hash of all that a job's result depends on.

    That is its resolved config without `paths`, `logger`, `sweep` and `threads`. The
    number of a job and the order of the values of a sweep do not matter.

    Args:
        cfg: The job's composed config.
        ckpt_path: Checkpoint that the job goes on from.

    Example:
        >>> cfg = OmegaConf.create({"a": "${b}", "b": 1, "paths": {}, "threads": 1})
        >>> job_identity(cfg)
        '4908b8865ba9'
        >>> job_identity(OmegaConf.merge(cfg, {"threads": 8, "paths": {"run": "x"}}))
        '4908b8865ba9'
    """
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    # Emptied before the rest is resolved, not left out: other keys may refer to paths,
    # and a job is the same job in another folder.
    paths = dict.fromkeys(plain.get("paths") or {}, "")
    settled = OmegaConf.create({**plain, "paths": paths})
    try:
        config = OmegaConf.to_container(settled, resolve=True)
    except OmegaConfBaseException:  # the job itself will say what is wrong
        config = plain
    assert isinstance(config, dict)
    kept = {str(k): v for k, v in config.items() if k not in CHANGES_NOTHING}
    # Not `hash`, which differs between processes.
    text = json.dumps([kept, ckpt_path], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
