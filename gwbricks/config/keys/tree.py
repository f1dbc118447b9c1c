"""The tree of a config: each key that gwbricks reads, what fits it, and what it is.

The checks of keys, types, roles and parts are made from it, and docs/config.md is too.
"""

import gwbricks.torchvision_import  # noqa: F401 - before Lightning

from typing import Annotated, Literal, Union

from lightning.pytorch import Callback, LightningDataModule
from lightning.pytorch.loggers import Logger
from pydantic import Field
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from gwbricks.config.keys.key import Key, Target
from gwbricks.data import FurtherSet
from gwbricks.domains import DomainModule
from gwbricks.workspace import Corruption, Routes, Selection

SCHEDULES = (LRScheduler, ReduceLROnPlateau)
Count = Annotated[int, Field(gt=0)]
COUNT = "a whole number above 0"
SEED = "a whole number"
FLAG = "true or false"
NODE = "a node, or null"
PATH = "a path"
TARGET = "a node with _target_"
TARGET_OR_NULL = f"{TARGET}, or null"
GW = "workspace=gw"
DOMAIN = (
    "take a domain of the group, as in +domain@{section}=mlp, or give {key}._target_"
)


def _part(path: str, role: type, what: str, fix: str) -> Key:
    return Key(path, TARGET, what, Target, (role,), fix, is_part=True)


TREE = (
    Key("seed", SEED, "Seed of weights, batches and draws.", int),
    Key("compile", FLAG, "Whether torch compiles the training step.", bool | None),
    Key(
        "threads",
        f"{COUNT}, auto, or null",
        "Threads of torch; auto finds the fastest number, null leaves it to torch.",
        Union[Count, Literal["auto"], None],  # noqa: UP007 - pyright takes no | here
    ),
    Key("data", TARGET, "The data.", Target, (LightningDataModule,), "data=vectors"),
    Key(
        "data.sets.*",
        TARGET_OR_NULL,
        "A further set to validate and test on.",
        roles=(FurtherSet,),
    ),
    Key(
        "optimizer",
        TARGET,
        "The optimizer; `groups` holds options of groups of parameters.",
        Target,
        (Optimizer,),
        "optimizer=adamw",
    ),
    Key(
        "scheduler",
        TARGET_OR_NULL,
        "The schedule of the learning rate.",
        Target | None,
        SCHEDULES,
        "scheduler=onecycle",
    ),
    Key(
        "trainer",
        "a node",
        "Arguments of Lightning's Trainer.",
        dict,
        (),
        "trainer=cpu",
    ),
    Key("sweep", "a node with metric", "How the jobs of a sweep are run.", dict),
    Key("paths", "a node with outputs and pretrained", "Where files go.", dict),
    Key("workspace", NODE, "What the domains share.", dict | None),
    Key("domains", NODE, "The domains, by the names of their data.", dict | None),
    Key("domains.*", "a node", "A domain."),
    Key("bricks", NODE, "The graph.", dict | None),
    Key(
        "bricks.*",
        f"{TARGET}, a node of such nodes, or null",
        "A brick, or a nest of bricks; `from` says where its weights are from. One that"
        " takes `domains` and `workspace` is given those of the config.",
    ),
    Key("loss_coefs", NODE, "The objective, a weighted sum of losses.", dict | None),
    Key(
        "loss_coefs.*",
        "a number of 0 or more, a node with coef, or null",
        "Weight of a loss; 0 logs it but does not train it, null takes it away. A node"
        " changes it during training; `routes` holds weights of single routes.",
    ),
    Key("callbacks", NODE, "Callbacks of the trainer, by name.", dict | None),
    Key("callbacks.*", TARGET_OR_NULL, "A callback.", roles=(Callback,)),
    Key("logger", NODE, "Loggers, by name.", dict | None),
    Key("logger.*", TARGET_OR_NULL, "A logger.", roles=(Logger,)),
    Key("workspace.dim", COUNT, "Size of the workspace.", Count),
    _part("workspace.selection", Selection, "How much each domain enters.", GW),
    _part("workspace.fusion", nn.Module, "From encodings and weights to a state.", GW),
    _part("workspace.routes", Routes, "Which routes are computed.", GW),
    _part("workspace.contrastive", nn.Module, "Compares encodings of two domains.", GW),
    Key(
        "workspace.corruption",
        TARGET_OR_NULL,
        "What happens to latents before the workspace is given them.",
        Target | None,
        (Corruption,),
        is_part=True,
    ),
    Key(
        "workspace.gather",
        FLAG,
        "Whether contrastives compare the rows of all processes.",
        bool | None,
    ),
    _part(
        "domains.*.module", DomainModule, "From raw data to a latent and back.", DOMAIN
    ),
    _part("domains.*.encoder", nn.Module, "From a latent to the workspace.", DOMAIN),
    _part("domains.*.decoder", nn.Module, "From the workspace to a latent.", DOMAIN),
    Key(
        "domains.*.trainable",
        FLAG,
        "Whether the module is trained together with the workspace.",
        bool | None,
    ),
    Key(
        "domains.*.cache",
        "true, false or auto",
        "Whether latents are computed once; auto: wherever they can be.",
        bool | Literal["auto"] | None,
    ),
    Key(
        "domains.*.checkpoint",
        f"{PATH}, or null",
        "A file with the module's weights; it is then not pretrained.",
        str | None,
    ),
    Key(
        "domains.*.pretrain",
        NODE,
        "How the module is trained on its own, before the workspace.",
        dict | None,
    ),
    Key(
        "domains.*.pretrain.seed",
        SEED,
        "Its own seed, so that runs with other seeds share the domain.",
        int,
    ),
    Key("domains.*.pretrain.batch_size", COUNT, "Rows of a batch.", Count),
    Key("domains.*.pretrain.optimizer", TARGET, "The optimizer.", Target, (Optimizer,)),
    Key(
        "domains.*.pretrain.scheduler",
        TARGET_OR_NULL,
        "The schedule of the learning rate.",
        roles=SCHEDULES,
    ),
    Key(
        "domains.*.pretrain.trainer",
        "a node, such as {max_epochs: 50}",
        "Arguments of Lightning's Trainer.",
        dict,
    ),
    Key("sweep.name", "a name, or null", "Names the folder and W&B's group."),
    Key(
        "sweep.metric",
        "the name of a final number, such as val/loss, or a list of them",
        "What a search optimises.",
        str | list[str],
    ),
    Key(
        "sweep.jobs",
        f"{COUNT}, or null",
        "Jobs at a time; null leaves it to the launcher.",
        Annotated[int | None, Field(gt=0)],
    ),
    Key(
        "sweep.attempts",
        COUNT,
        "Attempts at a job whose process dies, the first included.",
        Count,
    ),
    Key(
        "sweep.retry",
        "failed, or null",
        "failed: jobs that failed are tried again.",
        Literal["failed"] | None,
    ),
    Key("paths.outputs", PATH, "Folder of runs and sweeps.", str),
    Key("paths.pretrained", PATH, "Folder of pretrained domains.", str),
    Key("paths.run", PATH, "The run's own folder; it is filled in."),
)
"""Every key, a section's keys together."""
