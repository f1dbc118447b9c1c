"""Checkpoints that are written whole or not at all."""

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from gwbricks.whole_file import whole_file


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside the one that it replaces.

    Lightning writes it in the machine's folder for temporary files. From another file
    system, as on most clusters, it is then copied over the old one, and a process that
    is killed meanwhile leaves neither.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any | None = None,  # noqa: ANN401 - Lightning's signature
    ) -> None:
        """Saves a checkpoint; one that goes to a remote store, as Lightning does."""
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        # Not flushed: it would take longer than a short epoch, and after a power cut, a
        # checkpoint that is damaged is seen to be.
        with whole_file(Path(path), is_flushed=False) as made:
            torch.save(checkpoint, made)
