"""One job of a sweep: what its process is given to do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gwbricks.runs.processes.cores import cores
from gwbricks.sweeps.identity import job_identity
from gwbricks.sweeps.sweep_folder import SweepFolder


@dataclass(frozen=True)
class JobSpec:
    """All that a process needs to run a job.

    Args:
        config: The job's composed config with Hydra's own section, as plain values with
            their references.
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint to go on from.
    """

    config: Mapping[str, Any]
    trusted: tuple[str, ...] = ()
    ckpt_path: str | None = None

    @property
    def cfg(self) -> DictConfig:
        """The job's config without Hydra's section."""
        return OmegaConf.create({k: v for k, v in self.config.items() if k != "hydra"})

    @cached_property
    def sweep(self) -> SweepFolder:
        """The folder of the sweep."""
        return SweepFolder.of(self.cfg)

    @cached_property
    def identity(self) -> str:
        """See `job_identity`."""
        return job_identity(self.cfg, self.ckpt_path)

    @property
    def is_trial(self) -> bool:
        """Whether the job is a trial of a search."""
        return (self.config["hydra"].get("sweeper") or {}).get("trial") is not None

    @property
    def attempts(self) -> int:
        """How often the job may be tried."""
        return self.config["sweep"]["attempts"]

    @property
    def parallel(self) -> int:
        """How many jobs run at a time on one machine."""
        if self.config["sweep"]["jobs"] is not None:
            return self.config["sweep"]["jobs"]
        engine = self.config["hydra"]["launcher"]["engine"]
        is_serial = engine.endswith((".BasicLauncher", ".Stacked"))
        threads = self.config["threads"]
        each = threads if isinstance(threads, int) else 1
        return 1 if is_serial else max(1, cores() // (each * self.processes))

    @property
    def processes(self) -> int:
        """How many processes of a machine the job trains in."""
        devices = self.config.get("trainer", {}).get("devices")
        return devices if isinstance(devices, int) and devices > 0 else 1

    def with_shared_cores(self) -> "JobSpec":
        """Returns the job with no more threads than its share of the cores."""
        threads = self.config["threads"]
        if self.parallel == 1 or threads == "auto":
            return self
        most = max(1, self.own_cores // self.processes)
        threads = min(threads or most, most)
        return replace(self, config={**self.config, "threads": threads})

    @property
    def own_cores(self) -> int:
        """How many cores the job has to itself while others run beside it."""
        return max(1, cores() // self.parallel)
