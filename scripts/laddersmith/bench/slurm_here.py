"""A SLURM of one's own on one machine: controller, nodes and munge from Debian's packages, gone when the block ends.

Standard library only, and no room. Everything lies in one folder (keys, sockets, logs, state), every port is one that
was free, and all runs as whoever asks: no root, no systemd, no database of accounts, and no other SLURM is touched.
"""

import ctypes
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from ..errors import ToolError

PACKAGES = "slurmctld, slurmd, slurm-client and munge"
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "sinfo", "scancel", "srun")
READY_S = 60.0
END_S = 20.0
SBIN = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # not on the PATH of every user, and the daemons are there
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)

# Processes are tracked by parents, not by cgroups, which containers lack. Jobs are remembered for an hour, so that
# `scontrol` tells of all of them afterwards. Cores and memory of the nodes are what is said here, whatever is there.
CONF = """ClusterName=laddersmith
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
KillWait=5
{nodes}
PartitionName=cpu Nodes={all} Default=YES State=UP
{gpu_partition}
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} Sockets=1 CoresPerSocket={cpus} "
    "ThreadsPerCore=1 RealMemory={memory_mb}{gres} State=UNKNOWN"
)


@dataclass(frozen=True)
class Cluster:
    """A running SLURM.

    Attributes
    ----------
    environment : of whoever is to talk to it (`SLURM_CONF`, and a PATH on which its programs are).
    folder : with the daemons' logs.
    """

    environment: Mapping[str, str]
    folder: Path

    def ask(self, *command: str, timeout_s: float = 30.0) -> str:
        """What one of SLURM's commands answers.

        Raises
        ------
        ToolError
            If it fails; with its own words.
        """
        try:
            done = subprocess.run(
                command, env=dict(self.environment), capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"{command[0]} gave no answer in {timeout_s:g} s; see {self.folder}/*.log") from error
        if done.returncode:
            raise ToolError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Every job of the last hour, its facts as `scontrol show job` names them ("JobName", "StartTime", ...)."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines if "JobId=" in line]


def missing() -> list[str]:
    """The programs that a SLURM takes and that are not on this machine."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


@contextmanager
def slurm_here(
    folder: Path, *, nodes: int = 2, cpus: int = 2, memory_mb: int = 16_000, gpus: int = 0
) -> Iterator[Cluster]:
    """A SLURM with the partition `cpu`, and `gpu` where there are any; ended with the block, whatever happens in it.

    Parameters
    ----------
    folder : new; what the daemons write. Its path is short enough for a socket (at most 80 characters).
    nodes : n1, n2, ...; each with `cpus` cores and `memory_mb` MB, said to SLURM and not held against the machine.
    gpus : of the last node; for each an empty file stands, so that SLURM counts and grants them.

    Raises
    ------
    ToolError
        If a program is missing, or the nodes are not ready within a minute; with the tails of the daemons' logs.
    """
    absent = missing()
    if absent:
        raise ToolError(
            f"no SLURM on this machine ({', '.join(absent)} not found); install Debian's packages {PACKAGES}"
        )
    if len(str(folder)) > 80:
        raise ToolError(
            f"{folder}: too long a path for a socket; give a folder of at most 80 characters, as under /tmp"
        )
    folder.mkdir(parents=True)
    (folder / "state").mkdir()
    _write_conf(folder, nodes, cpus, memory_mb, gpus)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
    environment |= {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{_srun(folder).parent}{os.pathsep}{_path()}"}
    cluster = Cluster(environment, folder)
    with ExitStack() as ending:
        ending.callback(_end_strays, folder)
        munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
        munge += [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
        _start(ending, cluster, "munged", munge)
        _until(cluster, (folder / "munge.socket").exists)
        _start(ending, cluster, "slurmctld", ["slurmctld", "-D", "-i"])
        for number in range(1, nodes + 1):
            _start(ending, cluster, f"slurmd-n{number}", ["slurmd", "-D", "-N", f"n{number}"])
        _until(cluster, lambda: _ready(cluster, nodes))
        ending.callback(_cancel, cluster)
        yield cluster


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])


def _srun(folder: Path) -> Path:
    """An `srun` that knows this SLURM: Snakemake's executor starts it without the variables that begin with SLURM_."""
    program = folder / "bin" / "srun"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nSLURM_CONF="{folder / "slurm.conf"}" exec {shutil.which("srun", path=_path())} "$@"\n'
    )
    program.chmod(0o755)
    return program


def _write_conf(folder: Path, nodes: int, cpus: int, memory_mb: int, gpus: int) -> None:
    host, ports = socket.gethostname().split(".")[0], _free_ports(nodes + 1)
    names = [f"n{number}" for number in range(1, nodes + 1)]
    lines = [
        NODE.format(
            name=name,
            host=host,
            port=port,
            cpus=cpus,
            memory_mb=memory_mb,
            gres=f" Gres=gpu:{gpus}" if gpus and name == names[-1] else "",
        )
        for name, port in zip(names, ports[1:], strict=True)
    ]
    text = CONF.format(
        host=host,
        port=ports[0],
        user=getpass.getuser(),
        folder=folder,
        nodes="\n".join(lines),
        all=",".join(names),
        gpu_partition=f"PartitionName=gpu Nodes={names[-1]} State=UP" if gpus else "",
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    devices = [folder / f"gpu{number}" for number in range(gpus)]
    for device in devices:
        device.touch()
    text = f"NodeName={names[-1]} Name=gpu File={','.join(map(str, devices))}\n" if devices else ""
    (folder / "gres.conf").write_text(text, encoding="utf-8")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _start(ending: ExitStack, cluster: Cluster, name: str, command: Sequence[str]) -> None:
    """Start a daemon that ends with the block, and with this process if that is killed."""
    libc = ctypes.CDLL(None)
    program = shutil.which(command[0], path=cluster.environment["PATH"]) or command[0]
    with (cluster.folder / f"{name}.log").open("wb") as told:
        process = subprocess.Popen(
            [program, *command[1:]],
            env=dict(cluster.environment),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: libc.prctl(DIE_WITH_PARENT, signal.SIGKILL),
        )
    ending.callback(_end, process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _until(cluster: Cluster, holds: Callable[[], bool]) -> None:
    deadline = monotonic() + READY_S
    while not holds():
        if monotonic() > deadline:
            tails = [f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in cluster.folder.glob("*.log")]
            raise ToolError(f"SLURM was not ready in {READY_S:g} s; its daemons said\n" + "\n".join(tails))
        sleep(0.2)


def _ready(cluster: Cluster, nodes: int) -> bool:
    try:
        states = cluster.ask("sinfo", "--noheader", "--Node", "--partition=cpu", "--format=%T").split()
    except ToolError:
        return False
    return states == ["idle"] * nodes


def _cancel(cluster: Cluster) -> None:
    """Cancel what still runs or waits, and see it gone."""
    with suppress(ToolError):
        cluster.ask("scancel", f"--user={getpass.getuser()}")
        deadline = monotonic() + END_S
        while cluster.ask("squeue", "--noheader").strip() and monotonic() < deadline:
            sleep(0.2)


def _end_strays(folder: Path) -> None:
    """Kill what is left of a job whose node is gone: every process that was started with this folder's SLURM_CONF."""
    mark = f"SLURM_CONF={folder / 'slurm.conf'}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0") and int(process.name) != os.getpid():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:  # ended meanwhile, or somebody else's
            continue
