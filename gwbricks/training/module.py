"""The one LightningModule: it trains whatever graph it is given."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities.seed import isolate_rng
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer

from gwbricks.bricks import BrickCollection, CompiledCollection, Stage
from gwbricks.data import as_named_inputs, count_rows
from gwbricks.formats import CHECKPOINT, NOTED_IN_CHECKPOINT
from gwbricks.losses import check_coefs, coefs_at, find_ramps
from gwbricks.seeding import derive_seed, seed_torch
from gwbricks.training.batch_losses import compute_objective, Objective
from gwbricks.training.evaluation import Evaluation, name_sets
from gwbricks.training.logs import log_losses, log_metrics, log_steps
from gwbricks.training.parameter_groups import Groups, make_optimizer
from gwbricks.training.pictures.pictures import (
    are_pictures,
    experiment_folder,
    find_pictures,
    keep_pictures,
)
from gwbricks.training.quick_hooks import QuickHooks
from gwbricks.training.running_means import plain_numbers, RunningMeans
from gwbricks.training.schedule import has_ended, warn_of_end, with_schedule

CONFIG = "gwbricks_config"
"""Where a checkpoint holds its run's config."""


class LightningBrickCollection(QuickHooks):
    """Trains any brick collection.

    The objective is the sum of the losses, each times its coefficient. Losses are
    averaged on the device and logged together, every `log_every_n_steps` steps in
    training; metrics are logged at the end of each epoch, matrices and what bricks draw
    as pictures. Where a stage has several loaders, each is logged under a name of its
    own, such as `val_ood/loss`; see `name_sets`.

    Args:
        brick_collection: The graph.
        create_optimizers_func: Makes an optimizer of parameters, such as
            `partial(torch.optim.AdamW, lr=1e-3)`.
        loss_coefs: Coefficient of each loss, which may be a `CoefRamp`; what has none
            is not computed. None trains all losses with a coefficient of 1.
        scheduler: Makes a learning-rate schedule of an optimizer; see `with_schedule`.
        seed: Seed of the randomness inside the graph, so that an epoch does not depend
            on what ran before it. None leaves the random state alone.
        config: Config of the run, kept in every checkpoint.
        path_experiments: Folder of experiments, in which pictures are kept, such as
            `pictures/test/confusion.png`; None keeps none.
        experiment_name: Folder in it for this experiment; None for none.
        parameter_groups: Options of the optimizer for some of the parameters, by name
            of the group, such as `{"latents": {"params": "gw.*.latent", "lr": 1e-4}}`;
            see `group_parameters`.
        compiled: Whether training steps are compiled; see `CompiledCollection`.
        compute: Computes the objective of a batch, as `compute_objective` does.

    Raises:
        UnknownNameError: If a coefficient names no loss.
        ConfigError: If a coefficient is negative or no number, none is above zero, or
            there is an `experiment_name` without `path_experiments`.
    """

    def __init__(
        self,
        brick_collection: BrickCollection,
        create_optimizers_func: Callable[[list[Any]], Optimizer],
        loss_coefs: Mapping[str, Any] | None = None,
        scheduler: Callable[..., Any] | None = None,
        seed: int | None = None,
        config: Mapping[str, Any] | None = None,
        path_experiments: Path | str | None = None,
        experiment_name: str | None = None,
        parameter_groups: Groups | None = None,
        compiled: bool = False,
        compute: Callable[..., Objective] = compute_objective,
    ) -> None:
        super().__init__()
        self.brick_collection = brick_collection
        trained = CompiledCollection(brick_collection) if compiled else brick_collection
        self._run = trained.run
        self.create_optimizers_func = create_optimizers_func
        self.parameter_groups = dict(parameter_groups or {})
        self.scheduler = scheduler
        self.seed = seed
        self.config = config
        self.folder = experiment_folder(path_experiments, experiment_name)
        known = brick_collection.loss_names(Stage.TRAIN)
        coefs = dict.fromkeys(known, 1.0) if loss_coefs is None else loss_coefs
        self.loss_coefs = check_coefs(coefs, known)
        self.ramps = find_ramps(coefs)
        self._compute = compute
        self.summaries: dict[str, Any] = {}
        self._names: dict[tuple[Stage, frozenset[str]], list[str]] = {}
        self._means = {stage: RunningMeans() for stage in Stage}
        self._logged_step = 0
        self._rates: list[Any] = []
        self._isolation = ExitStack()
        self._evaluation = Evaluation([], dict)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:  # noqa: ANN401 - any batch
        """Returns the objective; None if the batch has nothing to train on."""
        del batch_idx
        return self._step(batch, Stage.TRAIN)

    def validation_step(
        self,
        batch: Any,  # noqa: ANN401 - any batch
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Adds a batch to the losses and metrics of a validation set."""
        self._evaluate(batch, Stage.VALIDATION, batch_idx, dataloader_idx)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:  # noqa: ANN401 - any batch
        """Adds a batch to the losses and metrics of a test set."""
        self._evaluate(batch, Stage.TEST, batch_idx, dataloader_idx)

    def _evaluate(self, batch: object, stage: Stage, index: int, place: int) -> None:
        if not index:
            self._evaluation.enter(place)
        if self.seed is not None:
            number = index * self.trainer.world_size + self.global_rank
            seed_torch(derive_seed(self.seed, stage.value, number))
        self._step(batch, stage)

    def predict_step(
        self,
        batch: Any,  # noqa: ANN401 - any batch
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> dict[str, Tensor]:
        """Returns the tensors that inference computes from a batch, by name."""
        del batch_idx, dataloader_idx
        values = self.brick_collection.run(as_named_inputs(batch), Stage.INFERENCE)
        return {n: value for n, value in values.items() if isinstance(value, Tensor)}

    def _step(self, batch: object, stage: Stage) -> Tensor | None:
        inputs = as_named_inputs(batch)
        names = self.loss_names(stage, frozenset(inputs))
        coefs = self.loss_coefs
        if self.ramps and stage is Stage.TRAIN:
            coefs = coefs_at(self.trainer.global_step, coefs, self.ramps)
        graph = self.brick_collection
        run = self._run if stage is Stage.TRAIN else graph.run
        objective, logged = self._compute(graph, run, inputs, stage, names, coefs)
        rows = 1.0 if stage is Stage.TRAIN else float(count_rows(inputs))
        self._means[stage].add(logged, weight=rows)
        return objective

    def loss_names(self, stage: Stage, given: frozenset[str]) -> list[str]:
        """Returns the losses with a coefficient whose data a batch has.

        Args:
            stage: The stage.
            given: Names of the data.
        """
        if (stage, given) not in self._names:
            wiring = self.brick_collection.wiring(stage, given)
            self._names[stage, given] = [
                name
                for name in self.brick_collection.loss_names(stage)
                if name in self.loss_coefs
                and wiring.writers[name] not in wiring.skipped
            ]
        return self._names[stage, given]

    def on_train_start(self) -> None:
        """Counts steps from where the run starts, or goes on."""
        self._logged_step = self.trainer.global_step
        if self._logged_step:
            warn_of_end(
                config.scheduler for config in self.trainer.lr_scheduler_configs
            )
        if self.scheduler is None:  # a resumed run may have had a schedule before
            for group, rate in zip(self._groups(), self._rates, strict=True):
                group["lr"] = rate

    def _groups(self) -> list[dict[str, Any]]:
        return [g for o in self.trainer.optimizers for g in o.param_groups]

    def on_train_epoch_start(self) -> None:
        """Seeds the epoch."""
        if self.seed is not None:
            seed_torch(
                derive_seed(self.seed, "epoch", self.current_epoch, self.global_rank)
            )

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ANN401 - Lightning's signature
        """Logs the means of the losses, every `log_every_n_steps` steps."""
        del outputs, batch, batch_idx
        step = self.trainer.global_step
        every = self.trainer.log_every_n_steps  # pyright: ignore[reportAttributeAccessIssue] - set by its logger connector
        if step != self._logged_step and every and step % every == 0:
            self._logged_step = step
            coefs = {f"coef/{name}": r.at(step - 1) for name, r in self.ramps.items()}
            self._log_steps(self._means[Stage.TRAIN].take() | coefs, step - 1)

    def on_train_epoch_end(self) -> None:
        """Logs what is left of the losses, and the metrics."""
        losses, metrics = self._take(Stage.TRAIN)
        self._log_steps(losses, self.trainer.global_step)
        self._log_metrics("train", metrics)

    def _log_steps(self, means: Mapping[str, float], step: int) -> None:
        log_steps(self, {f"train/{name}": mean for name, mean in means.items()}, step)

    def on_validation_epoch_start(self) -> None:
        """Keeps the random state, so that training does not depend on validation."""
        self._begin(Stage.VALIDATION, self.trainer.val_dataloaders)

    def on_validation_epoch_end(self) -> None:
        """Logs the means of the losses, and the metrics, of each set."""
        self._finish()

    def on_test_epoch_start(self) -> None:
        """Keeps the random state, so that nothing depends on the test."""
        self._begin(Stage.TEST, self.trainer.test_dataloaders)

    def on_test_epoch_end(self) -> None:
        """Logs the means of the losses, and the metrics, of each set."""
        self._finish()

    def on_predict_epoch_start(self) -> None:
        """Seeds the predictions, so that they can be repeated."""
        if self.seed is not None:
            self._isolation.enter_context(isolate_rng())
            seed = derive_seed(self.seed, Stage.INFERENCE.value, self.global_rank)
            seed_torch(seed)

    def on_predict_epoch_end(self) -> None:
        """Puts the random state back."""
        self._isolation.close()

    def _begin(self, stage: Stage, loaders: object) -> None:
        names = list(name_sets(loaders, stage.value))
        self._evaluation = Evaluation(names, partial(self._take, stage))
        if self.seed is not None:
            self._isolation.enter_context(isolate_rng())

    def _take(self, stage: Stage) -> tuple[dict[str, float], dict[str, Any]]:
        metrics = self.brick_collection.summarize(stage, reset=True)
        return self._means[stage].take(), metrics

    def _finish(self) -> None:
        self._isolation.close()
        for name, (losses, metrics) in self._evaluation.finish().items():
            log_losses(self, name, losses)
            self._log_metrics(name, metrics)

    def _log_metrics(self, set_name: str, metrics: Mapping[str, Any]) -> None:
        others = log_metrics(self, set_name, metrics)
        self.summaries |= {
            name: plain_numbers(value)
            for name, value in others.items()
            if not are_pictures(value)
        }
        if self.trainer.is_global_zero and not self.trainer.sanity_checking:
            pictures = find_pictures(others, self.brick_collection)
            step = self.trainer.global_step
            keep_pictures(pictures, self.folder, self.trainer.loggers, step)

    def make_optimizer(self) -> Optimizer:
        """Gives the trainable parameters, sorted by name, to the optimizer.

        Raises:
            ConfigError: If there is none, or a parameter group is wrong.
        """
        parameters = dict(sorted(self.brick_collection.named_parameters()))
        make = self.create_optimizers_func
        return make_optimizer(make, parameters, self.parameter_groups)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Returns the optimizer and its schedule; see `make_optimizer`."""
        optimizer = self.make_optimizer()
        self._rates = [group["lr"] for group in optimizer.param_groups]
        return with_schedule(optimizer, self.scheduler, self.trainer)

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:  # noqa: ANN401 - Lightning's signature
        """Advances the schedule, unless a resumed run has outlived it."""
        if not has_ended(scheduler):
            super().lr_scheduler_step(scheduler, metric)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Puts the run's config into the checkpoint, and of what format it is."""
        checkpoint[NOTED_IN_CHECKPOINT] = CHECKPOINT
        if self.config is not None:
            checkpoint[CONFIG] = dict(self.config)
