"""Notebook 08: the learner's statistics on two real processes that talk through gloo.

A function of a notebook cannot be sent to another process: its source goes into a file, and two Pythons run that file.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helpers.exercises.synced_statistics import synced_statistics_exercise
from helpers.lab.tables import table
from helpers.lab.training import one_thread, seeded

from .differences import largest

ROWS = (8, 4)
"""How many rows each process has."""

WORKER = '''\
"""One of two processes: normalise its rows, with its own statistics and with those of all."""
from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F


{learners}


class Sum(torch.autograd.Function):
    """all_reduce with a gradient: each process adds to every sum, so its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx, part):
        total = part.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient):
        return Sum.apply(gradient)


def own_statistics(shard, all_reduce):
    return shard.mean(dim=0), shard.var(dim=0, correction=0)


def normalised(statistics, x, upstream, gamma, beta):
    """Output, gradient of x, and gradients of gamma and beta, summed over the processes."""
    x, gamma, beta = (t.clone().requires_grad_() for t in (x, gamma, beta))
    mean, var = statistics(x, Sum.apply)
    y = (x - mean) / torch.sqrt(var + 1e-5) * gamma + beta
    (y * upstream).sum().backward()
    for parameter in (gamma, beta):
        dist.all_reduce(parameter.grad)
    return [y.detach(), x.grad, gamma.grad, beta.grad, mean.detach()]


rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method="file:///" + folder.lstrip("/") + "/meet", rank=rank, world_size=2)
given = torch.load(folder + "/given.pt", weights_only=True)
numbers = [*given["shards"][rank], given["gamma"], given["beta"]]
found = [normalised(statistics, *numbers) for statistics in (own_statistics, {name})]
torch.save(found, folder + "/found" + str(rank) + ".pt")
dist.destroy_process_group()
'''

Statistics = Callable[[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]], Any]


def given() -> dict[str, Any]:
    """Rows and upstream gradients of both processes, γ and β; float64."""
    with seeded(0):
        shards = [(torch.randn(n, 3) + 2 * i, torch.randn(n, 3)) for i, n in enumerate(ROWS)]
        numbers = {"gamma": torch.rand(3) + 0.5, "beta": torch.randn(3)}
    return {
        "shards": [tuple(t.double() for t in pair) for pair in shards],
        **{k: v.double() for k, v in numbers.items()},
    }


@one_thread()
def one_process() -> list[torch.Tensor]:
    """What ``nn.BatchNorm1d`` gives where one process has all rows."""
    numbers = given()
    x, upstream = (torch.cat(parts) for parts in zip(*numbers["shards"], strict=True))
    x.requires_grad_()
    layer = nn.BatchNorm1d(3).double()
    with torch.no_grad():
        layer.weight.copy_(numbers["gamma"])
        layer.bias.copy_(numbers["beta"])
    y = layer(x)
    (y * upstream).sum().backward()
    assert x.grad is not None and layer.weight.grad is not None and layer.bias.grad is not None
    return [y.detach(), x.grad, layer.weight.grad, layer.bias.grad]


def two_processes(synced: Statistics, seconds: float = 90.0) -> list[list[list[torch.Tensor]]]:
    """For each process, with its own statistics and with ``synced``: y, dx, dγ, dβ and the mean.

    Raises RuntimeError with a sentence where two processes cannot talk here.
    """
    source = WORKER.replace("{learners}", inspect.getsource(synced)).replace("{name}", synced.__name__)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "worker.py").write_text(source, encoding="utf-8")
        torch.save(given(), place / "given.pt")
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        if sys.platform.startswith("linux"):
            environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
        command = [sys.executable, str(place / "worker.py")]
        started = [
            subprocess.Popen(
                [*command, str(rank), place.as_posix()], env=environment, stderr=subprocess.PIPE, text=True
            )
            for rank in range(2)
        ]
        try:
            said = [process.communicate(timeout=seconds)[1] for process in started]
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"no answer within {seconds:g} s") from None
        finally:
            for process in started:
                process.kill()
        failed = [words for process, words in zip(started, said, strict=True) if process.returncode]
        if failed:
            raise RuntimeError(failed[0].strip().rpartition("\n")[2])
        return [torch.load(place / f"found{rank}.pt", weights_only=True) for rank in range(2)]


def two_processes_table(synced: Statistics) -> None:
    """How far two processes are from one, with their own statistics and with the learner's."""
    if not synced_statistics_exercise.assessed(synced).passed:
        print("This needs a synced_statistics that passes. Come back to this cell then.")
        return
    try:
        found = two_processes(synced)
    except RuntimeError as problem:
        print(f"The file with your function did not run as two processes ({problem}). It knows no other cell's names.")
        return
    right, rows = one_process(), []
    for i, name in enumerate(("output", "gradient of x", "gradient of γ, summed", "gradient of β, summed")):
        cells = []
        for way in (0, 1):
            parts = [process[way][i] for process in found]
            whole = torch.cat(parts) if i < 2 else parts[0]
            cells.append(largest(whole, right[i]))
        rows.append([name, *cells])
    apart = [largest(found[0][way][4], found[1][way][4]) for way in (0, 1)]
    rows.append(["means of process 0 and 1: difference", *apart])
    table(
        ["against one process with all rows", "own statistics", "your statistics"],
        rows,
        f"Two processes with {ROWS[0]} and {ROWS[1]} rows: largest differences",
    )
