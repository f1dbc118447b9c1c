"""The function that Hydra's launchers call for each job."""

import multiprocessing
import os
import signal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from gwbricks.sweeps.job_process import attempt
from gwbricks.sweeps.job_spec import JobSpec
from gwbricks.sweeps.sweep_folder import SweepFolder


@dataclass(frozen=True)
class SweepTask:
    """Runs a job when a launcher calls it, in any process.

    Args:
        trusted: See `resolve_target`.
        ckpt_path: Checkpoint that each job goes on from.
        sweeps: Identities of the jobs that this process launched, by their sweep.
        tried: Identities of those jobs that had not ended when they were launched.
        owner: Id of the process that started the sweep.
        launch: Name of this start of the sweep, unlike that of any other start.
        notes: Lines to show once the sweep has ended.
    """

    trusted: tuple[str, ...] = ()
    ckpt_path: str | None = None
    sweeps: dict[SweepFolder, list[str]] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    owner: int = field(default_factory=os.getpid)
    launch: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    notes: list[str] = field(default_factory=list)

    def __call__(self, cfg: DictConfig) -> None:
        """Runs a job; its record tells how it ended."""
        if os.getpid() != self.owner:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner says when to stop
            # joblib has set a method of its own
            multiprocessing.set_start_method("forkserver", force=True)
        self.run(self._spec({**_plain(cfg), **_plain(HydraConfig.instance().cfg)}))

    def run(self, spec: JobSpec) -> None:
        """Runs a job, unless the sweep is to stop."""
        attempt(spec, self.stop_file(spec.sweep).exists)

    def stop_file(self, sweep: SweepFolder) -> Path:
        """Returns the file that tells all processes to stop, once it is there."""
        return sweep.records / f".stop-{self.launch}"

    def spec(
        self,
        context: HydraContext,
        config: DictConfig,
        overrides: Sequence[str],
        number: int,
    ) -> JobSpec:
        """Composes a job.

        Args:
            context: Hydra's, which composes.
            config: The sweep's config.
            overrides: Those of the job.
            number: The job's number for Hydra.
        """
        config = context.config_loader.load_sweep_config(config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return self._spec(_plain(config))

    def _spec(self, config: dict[str, Any]) -> JobSpec:
        return JobSpec(config, self.trusted, self.ckpt_path)


def _plain(config: object) -> dict[str, Any]:
    plain = OmegaConf.to_container(cast(DictConfig, config), resolve=False)
    return cast(dict[str, Any], plain)
