"""The entry point: finds the command, and shows errors in a few lines."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from gwbricks.version import __version__

COMMANDS = (
    *("train", "evaluate", "check", "draw", "compare", "status", "sync"),
    *("export", "predict", "import-shimmer", "list"),
)
"""The files of `cli/commands`, in the order in which help tells of them."""

HELP = """\
gwbricks {version}: config-driven experiments with Global Workspace models

usage: gwbricks COMMAND [arguments] [--trust PACKAGE] [--debug]

{commands}

  --trust PACKAGE   let configs build classes of this package too
  --debug           show the traceback of an error

examples:
  gwbricks list experiment
  gwbricks train experiment=digits
  gwbricks train experiment=digits workspace.dim=12 loss_coefs.cycles=null
  gwbricks train -m experiment=digits seed=0,1,2
  gwbricks train experiment=digits --cfg job        shows the composed config
  gwbricks compare outputs/sweeps/digits_lr
  gwbricks evaluate outputs/digits/2026-01-01_12-00-00
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status.

    0 is success, 2 is a mistake in what the user gave, 1 is anything else.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # no advice amid the output
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    try:
        args, trusted = _take_trusted(args)
        if not args or args[0] in ("--help", "-h", "help"):
            _print(_help())
            return 0
        if args[0] == "--version":
            _print(__version__)
            return 0
        _run(args[0], args[1:], trusted)
        return 0
    except KeyboardInterrupt as error:
        is_terminated = type(error).__name__ == "Terminated"
        notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", []))
        _print_error(("terminated." if is_terminated else "interrupted.") + notes)
        return 143 if is_terminated else 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _report(error)


def _help() -> str:
    commands = [_load(name).COMMAND for name in COMMANDS]
    lines = [f"  {command.name:14} {command.summary}" for command in commands]
    return HELP.format(version=__version__, commands="\n".join(lines))


def _load(command: str) -> ModuleType:
    return import_module(f"gwbricks.cli.commands.{command.replace('-', '_')}")


def _take_trusted(args: list[str]) -> tuple[list[str], list[str]]:
    rest, trusted = [], []
    remaining = iter(args)
    for arg in remaining:
        if arg == "--trust" or arg.startswith("--trust="):
            value = arg.partition("=")[2] or next(remaining, "")
            if not value or "=" in value:
                from gwbricks.errors import ConfigError

                raise ConfigError("--trust: no package. Expected --trust PACKAGE.")
            trusted += value.split(",")
        else:
            rest.append(arg)
    return rest, trusted


def _run(command: str, args: list[str], trusted: list[str]) -> None:
    if command not in COMMANDS:
        from gwbricks.errors import UnknownNameError

        raise UnknownNameError("gwbricks", command, COMMANDS)
    sys.path.insert(0, str(Path.cwd()))  # so that --trust finds the user's own package
    for package in trusted:
        if find_spec(package.partition(".")[0]) is None:
            from gwbricks.errors import ConfigError

            raise ConfigError(
                f"--trust: no package {package!r} (looked in {str(Path.cwd())!r} too)."
                " Fix: its name as Python imports it, or run where it is."
            )
    module = _load(command)
    if "--help" in args or "-h" in args:
        _print(module.COMMAND.help())
    else:
        module.run(module.COMMAND.read(args, trusted))


def _report(error: Exception) -> int:
    from gwbricks.errors import CheckpointError, ConfigError, GWBricksError

    if isinstance(error, GWBricksError):
        _print_error(str(error))
        return 2 if isinstance(error, ConfigError | CheckpointError) else 1
    notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", []))
    _print_error(
        f"{type(error).__name__}: {error}{notes}\n  (--debug shows the traceback)"
    )
    return 1


def _print(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")


def _print_error(text: str) -> None:
    sys.stderr.write(f"gwbricks: error: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
