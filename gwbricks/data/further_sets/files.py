"""Further files to validate and test on."""

from gwbricks.data.array_files import as_split, Files, read_files
from gwbricks.data.further_sets.further_set import FurtherSet, Source
from gwbricks.data.split import Split
from gwbricks.errors import ConfigError


class FilesSet(FurtherSet):
    """Rows of the user's own files, all of them.

    Labels that the files lack are missing in the set.

    Args:
        val: Files of the validation rows, as in `TensorsData`; None for none.
        test: Files of the test rows; None for none.

    Raises:
        ConfigError: If there is neither.
    """

    def __init__(self, val: Files | None = None, test: Files | None = None) -> None:
        if val is None and test is None:
            raise ConfigError("no file. Fix: give it val, test, or both.")
        self.files = {"val": val, "test": test}

    def make(self, source: Source) -> Split | None:
        """Reads the rows of a stage.

        Raises:
            ConfigError: See `TensorsData`.
        """
        files = self.files[source.stage]
        if files is None:
            return None
        columns = read_files(files, source.domains, (), source.labels, source.stage)
        return as_split(columns, source.domains)
