"""The best checkpoint, also of a run that goes on from another."""

import shutil
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only

from gwbricks.whole_file import whole_file


class BestCheckpoint(ModelCheckpoint):
    """Keeps the best checkpoint; a resumed run compares with, and copies, the old best.

    Lightning's own forgets the old best when the folder changes, so the first epoch
    after a resumption would always count as the best.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes the best checkpoint so far into this run's folder."""
        best = Path(state_dict.get("best_model_path") or "")
        if self.dirpath is None or state_dict.get("dirpath") == self.dirpath:
            super().load_state_dict(state_dict)
        elif best.is_file():
            path = Path(self.dirpath) / best.name
            _copy(best, path)
            score = state_dict["best_model_score"]
            self.best_model_score = self.kth_value = score
            self.best_model_path = self.kth_best_model_path = str(path)
            self.best_k_models = {str(path): score}
        elif state_dict.get("best_model_path"):
            warnings.warn(
                f"callbacks.checkpoint: the best checkpoint so far, {str(best)!r}, is"
                " gone, so the best is sought anew among the epochs to come.",
                stacklevel=2,
            )


@rank_zero_only
def _copy(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as made:
        shutil.copyfile(source, made)
