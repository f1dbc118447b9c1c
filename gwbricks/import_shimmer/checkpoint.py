"""Reads a checkpoint of Shimmer, under the names that Shimmer gives its parts."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gwbricks.errors import CheckpointError
from gwbricks.import_shimmer.torch_file import TorchFile
from gwbricks.pickle_data import Call, Global

KEY = "import-shimmer"
"""What error messages about the file start with."""

RENAMED = {
    r"^loss_mod\.(?=(gw_mod|domain_mods|selection_mod)\.)": "",
    r"^gw_mod\.domain_mods\.": "domain_mods.",
    r"^gw_mod\.(?:gw_)?(encoders|decoders)\.": r"\1.",
    r"^gw_mod\.gw_interfaces\.([^.]+)\.(encoder|decoder)\.": r"\2s.\1.",
    r"^gw_mod\.gw_interfaces\.([^.]+)\.domain_module\.": r"domain_mods.\1.",
    r"^loss_mod\.contrastive_fn\.": "contrastive.",
}
"""Patterns that give a tensor one name, whatever version of Shimmer saved it."""

PARTS = ("encoders", "decoders", "domain_mods", "selection_mod", "contrastive")
"""What the renamed names start with."""

TRAINING = ("optimizer_states", "lr_schedulers", "loops", "callbacks")
"""Parts of a Lightning checkpoint besides weights that a training would need."""


class ShimmerCheckpoint:
    """A checkpoint of a Global Workspace of Shimmer; its code is not run.

    Args:
        path: The file: a Lightning checkpoint, or a state dict.

    Attributes:
        domains: Names of the domains.
        weights: Each tensor once, by its name without the module that holds it.
        copies: How many tensors of the file are copies of others.
        hyper: Those of the constructor's arguments that the file holds.
        state: Names of `TRAINING` that the file holds.
        unknown: Names in the state dict that no Shimmer writes, or that hold no tensor.

    Raises:
        CheckpointError: If it cannot be read, or holds no Global Workspace.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = TorchFile(path, KEY)
        content = file.content if isinstance(file.content, dict) else {}
        found = content.get("state_dict", content)
        self.weights, self.copies, unread = _weights(file, found)
        hyper = content.get("hyper_parameters")
        self.hyper: dict[str, Any] = dict(hyper) if isinstance(hyper, dict) else {}
        self.state = [name for name in TRAINING if content.get(name)]
        self.domains = self._find_domains()
        known = tuple(f"{part}." for part in PARTS)
        self.unknown = [*unread, *(n for n in self.weights if not n.startswith(known))]

    def part(self, name: str) -> dict[str, Tensor]:
        """Returns the weights of a part, such as `encoders.v`, without its name."""
        start = f"{name}."
        return {
            n.removeprefix(start): w
            for n, w in self.weights.items()
            if n.startswith(start)
        }

    def _find_domains(self) -> list[str]:
        names = {
            kind: {n.split(".")[1] for n in self.weights if n.startswith(f"{kind}.")}
            for kind in ("encoders", "decoders")
        }
        if not names["encoders"] and not names["decoders"]:
            raise CheckpointError(
                f"{KEY}: {str(self.path)!r} holds no Global Workspace of Shimmer."
                " Expected weights named gw_mod.gw_encoders.* and gw_mod.gw_decoders.*."
            )
        for name in sorted(names["encoders"] ^ names["decoders"]):
            lacking = "decoder" if name in names["encoders"] else "encoder"
            raise CheckpointError(
                f"{KEY}: the domain {name!r} has no GW {lacking} in"
                f" {str(self.path)!r}. Expected one of each for every domain."
            )
        for name in sorted(names["encoders"]):
            if not re.fullmatch(r"[A-Za-z_][\w-]*", name):
                raise CheckpointError(
                    f"{KEY}: {name!r} cannot be a domain's name here. Expected letters,"
                    " digits, - and _. Fix: rename it in the checkpoint."
                )
        return sorted(names["encoders"])

    @property
    def activation(self) -> str:
        """The dotted name of the fusion's activation; empty if the file has none."""
        if "fusion_activation_fn" not in self.hyper:
            return ""
        match self.hyper["fusion_activation_fn"]:
            case Call(Global("builtins.getattr"), (Global(home), str(name))):
                # Functions of torch are attributes of a class of its own.
                home = home.removesuffix("._C._VariableFunctionsClass")
                return f"{home}.{name}"
            case Call(Global(name)) | Global(name):
                return name
            case other:
                return type(other).__name__


def _weights(
    file: TorchFile, found: object
) -> tuple[dict[str, Tensor], int, list[str]]:
    """Returns each tensor once, the number of copies, and what is no tensor."""
    weights: dict[str, Tensor] = {}
    copies, unread = 0, []
    for name, value in found.items() if isinstance(found, dict) else ():
        tensor = file.tensor(value)
        if tensor is None:
            unread.append(str(name))
            continue
        renamed = str(name)
        for old, new in RENAMED.items():
            renamed = re.sub(old, new, renamed)
        if renamed not in weights:
            weights[renamed] = tensor
        elif torch.equal(weights[renamed], tensor):
            copies += 1
        else:
            raise CheckpointError(
                f"{KEY}: two versions of {renamed!r} in the file differ."
                " Expected Shimmer's copies of a tensor to be equal."
            )
    return weights, copies, unread
