"""`metrics.csv`, also of a run that goes on in its folder."""

import csv
from io import StringIO
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from gwbricks.whole_file import write_whole


class MetricsFile(CSVLogger):
    """Lightning's CSV logger, which goes on with a file that is there.

    What an interrupted run had logged after the checkpoint it goes on from is replaced
    by what it logs now. Lightning's own deletes the file.
    """

    @property
    def experiment(self) -> ExperimentWriter:
        """What writes the file."""
        if self._experiment is None:
            self._experiment = _Continued(self.log_dir)
        return super().experiment


class _Continued(ExperimentWriter):
    def __init__(self, log_dir: str) -> None:
        super().__init__(log_dir)
        self._path = Path(self.metrics_file_path)
        self._earlier: list[dict[str, str]] = []
        if self._path.is_file():
            with self._path.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                self._earlier = [row for row in reader if row["step"]]
                self.metrics_keys = list(reader.fieldnames or ())

    def _check_log_dir_exists(self) -> None:
        """Keeps the file."""

    def save(self) -> None:
        """Writes what was logged since the last time."""
        if self._earlier and self.metrics:
            first = min(int(row["step"]) for row in self.metrics)
            kept = [row for row in self._earlier if int(row["step"]) < first]
            text = StringIO(newline="")
            writer = csv.DictWriter(text, self.metrics_keys)
            writer.writeheader()
            writer.writerows(kept)
            write_whole(self._path, text.getvalue())
            self._earlier = []
        # Appended to, not replaced: a long run would write all of it every few steps.
        # What a kill leaves of the last line, `read_curves` does not read.
        super().save()
