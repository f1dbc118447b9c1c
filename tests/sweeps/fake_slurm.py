"""Slurm on one machine: what this file is called as is the command that it is.

The queue is a folder of files, named by the id of a job: its state, `.pid` of what it
runs, and `.again` once it is to be queued again.
"""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

QUEUE = Path(__file__).resolve().parent / "queue"


def sbatch(script: str) -> None:
    text = Path(script).read_text()
    options = dict(re.findall(r"^#SBATCH --(\S+?)=(.*)$", text, re.M))
    if options.get("partition") == "none":
        sys.exit("sbatch: error: invalid partition specified: none")
    number = 1 + len(list(QUEUE.glob("*.sh")))
    copy = QUEUE / f"{number}.sh"
    copy.write_text(text)
    last, _, most = options.get("array", "").removeprefix("0-").partition("%")
    tasks = [f"{number}_{i}" for i in range(int(last) + 1)] if last else [str(number)]
    for task in tasks:
        (QUEUE / task).write_text("PENDING")
    sys.stdout.write(f"Submitted batch job {number}\n")
    sys.stdout.flush()
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    with ThreadPoolExecutor(int(most or 1)) as nodes:
        for task in tasks:
            nodes.submit(run, task, copy)


def run(task: str, script: Path) -> None:
    array, _, index = task.partition("_")
    ids = {"SLURM_JOB_ID": str(1000 + int(array)), "SLURM_NTASKS": "1"}
    if index:
        ids |= {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index}
    else:
        ids["SLURM_JOB_ID"] = array
    state, again = QUEUE / task, QUEUE / f"{task}.again"
    while state.exists():
        if (QUEUE / "closed").exists():
            time.sleep(0.05)
            continue
        state.write_text("RUNNING")
        subprocess.run(["bash", script], env={**os.environ, **ids, "TASK": task})
        if again.exists():
            state.write_text("PENDING")
            again.unlink()
        else:
            state.unlink(missing_ok=True)


def srun(*args: str) -> None:
    rest = list(args)
    while rest[0].startswith("--"):
        option = rest.pop(0)
        if option == "--output":
            task = os.environ["TASK"]
            name = rest.pop(0).replace("%A_%a", task).replace("%j", task)
            log = os.open(name.replace("%t", "0"), os.O_CREAT | os.O_APPEND | os.O_RDWR)
            os.dup2(log, 1)
            os.dup2(log, 2)
    os.setpgrp()  # some clusters send a signal to all processes of a job
    (QUEUE / f"{os.environ['TASK']}.pid").write_text(str(os.getpid()))
    os.execvp(rest[0], rest)


def squeue(*_: str) -> None:
    if (QUEUE / "silent").exists():
        sys.exit("slurm_load_jobs error: Unable to contact slurm controller")
    for state in QUEUE.iterdir():
        if re.fullmatch(r"\d+(_\d+)?", state.name):
            sys.stdout.write(f"{state.name} {state.read_text()}\n")


def scancel(*args: str) -> None:
    number = signal.SIGTERM
    if args[0].startswith("--signal="):
        number, args = signal.Signals[args[0].removeprefix("--signal=")], args[1:]
    for task in args:
        state, pid = QUEUE / task, QUEUE / f"{task}.pid"
        if state.exists() and state.read_text() == "PENDING":
            state.unlink()
        elif state.exists():
            os.killpg(int(pid.read_text()), number)


def scontrol(what: str, task: str) -> None:
    assert what == "requeue"
    (QUEUE / f"{task}.again").touch()


COMMANDS = (sbatch, squeue, scancel, scontrol, srun)

if __name__ == "__main__":
    {command.__name__: command for command in COMMANDS}[Path(sys.argv[0]).name](
        *sys.argv[1:]
    )
