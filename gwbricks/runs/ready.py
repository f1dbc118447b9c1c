"""The weights that a training starts from: read, trained once, or trained before."""

from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig

from gwbricks.config.brick_sources import find_sources
from gwbricks.experiment.build import Experiment
from gwbricks.experiment.load_sources import load_sources, path_of
from gwbricks.experiment.pretrain import pretrain_domains
from gwbricks.experiment.resumable import check_resumable
from gwbricks.experiment.untrained import untrained_notes
from gwbricks.runs.folder.place import Place
from gwbricks.runs.processes.process_group import Processes
from gwbricks.runs.processes.worker_spec import WorkerSpec
from gwbricks.runs.source_experiments import keep_experiments
from gwbricks.training.freed_memory import keep_freed_memory
from gwbricks.whole_file import make_folder


def make_ready(
    experiment: Experiment,
    cfg: DictConfig,
    spec: WorkerSpec,
    processes: Processes,
    train: Callable[[DictConfig, Place], object],
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Path]:
    """Loads or trains all weights that the training starts from.

    The run folder is not there yet: what stops here leaves no run.

    Args:
        experiment: What is trained.
        cfg: Its config.
        spec: What the run goes on from, and which packages are trusted.
        processes: Those that train together; the first of them trains for all.
        train: Trains an experiment that a brick starts from.
        tell: Is told what happens, a line at a time.

    Returns:
        Where the weights are from, by the config key of the brick or domain.

    Raises:
        CheckpointError: If a checkpoint is missing, damaged or does not fit.
        ConfigError: If weights cannot be written.
    """
    keep_freed_memory()
    config = experiment.config
    processes.share_cores(config.get("threads"))
    if spec.ckpt_path is not None:
        epochs = check_resumable(experiment, spec.ckpt_path, spec.again)
        tell(f"going on from {spec.ckpt_path}, with {epochs} whole epochs behind it")
    make_folder(Path(config["paths"]["outputs"]), "paths.outputs")
    for note in untrained_notes(experiment.module):
        tell(note)
    bricks = config.get("bricks") or {}
    files = {}
    for key, source in find_sources(bricks).items():
        if isinstance(source, str):
            tell(f"{key}: weights of {source}")
            files[key] = path_of(source)
    is_first = processes.is_first
    made, weights = keep_experiments(experiment, cfg, train, tell, is_first)
    load_sources(bricks, experiment.module.brick_collection, weights)
    domains, data = experiment.own_domains, experiment.data
    pretrained = pretrain_domains(config, domains, data, spec.trusted, tell, is_first)
    return files | made | pretrained
