"""Keeps libraries from telling a user of the command line what is of no use there."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

WARNINGS = (
    ".*does not have many workers.*",  # Lightning's advice, moot for data in memory
    ".*treespec, LeafSpec.*",  # Lightning's, with torch 2.13
    ".*Experiment logs directory.*",  # the run folder has config.yaml before the logs
    ".*Checkpoint directory.*exists and is not empty.*",
    ".*GPU available but not used.*",  # the config says so
    ".*log_every_n_steps.*",  # Lightning's advice for runs with few steps
    ".*in eval mode at the start of training.*",  # frozen domains are
    ".*callbacks used to create the checkpoint.*",  # a resumed run may have others
    ".*dirpath has changed.*",  # a resumed run has its own folder
    ".*requested to overfit.*",  # debug=overfit does
    ".*torch._prims_common.check.*",  # torch's own, in compile=true
    ".*resume from a checkpoint that ended before the epoch ended.*",
    ".*MLFlow only allows.*",  # recall@1 is recall1 there
    ".*``noload`` loader strategy.*",  # MLflow's, with sqlalchemy 2.1
)
LOGGERS = ("lightning.pytorch", "lightning.fabric")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silences warnings and log lines of Lightning that are about nothing."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    with warnings.catch_warnings():
        for message in WARNINGS:
            warnings.filterwarnings("ignore", message)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
