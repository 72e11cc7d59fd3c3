"""Notebook 05: what batch, layer, group, instance and RMS norm do to a block of numbers; nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from helpers.lab.tables import table
from helpers.lab.training import one_thread

BLOCK = ((((1.0, 3.0),), ((5.0, 7.0),)), (((3.0, 5.0),), ((9.0, 11.0),)))
"""N = 2 examples, C = 2 channels, H = 1, W = 2."""


def by_hand() -> None:
    """A table: for each norm the numbers of BLOCK that share a mean with its first one, the 1, and what follows."""
    block = torch.tensor(BLOCK, dtype=torch.float64)
    sets = {
        "BN": block[:, 0],
        "LN over C, H, W; GN, G = 1": block[0],
        "LN over C": block[0, :, 0, 0],
        "IN; GN, G = 2": block[0, 0],
        "RMS over C": block[0, :, 0, 0],
    }
    rows = []
    for name, shared in sets.items():
        mean = torch.zeros(()) if name.startswith("RMS") else shared.mean()
        square = ((shared - mean) ** 2).mean()
        numbers = ", ".join(f"{value:g}" for value in shared.flatten().tolist())
        rows.append([name, numbers, f"{mean:g}", f"{square:g}", f"{(1 - mean) / square.sqrt():.2f}".replace("-", "−")])
    head = ["norm", "numbers in the set of 1", "mean taken off", "mean square of what is left", "1 becomes"]
    table(head, rows, "The 1 of example 0, channel 0; no ε, γ = 1, β = 0.", left=[1])


def one_image(norm: nn.Module, image: torch.Tensor) -> None:
    """Batch norm in train mode on one image, beside instance norm; and on one 1×1 image, which it refuses."""
    difference = (norm(image) - nn.InstanceNorm2d(image.shape[1])(image)).abs().max().item()
    print(f"one {image.shape[2]}×{image.shape[3]} image: nowhere more than 1e-6 from instance norm?", difference < 1e-6)
    try:
        norm(image[:, :, :1, :1])
    except ValueError as error:
        print("one 1×1 image:", error)


def corner_table(norms: Mapping[str, nn.Module]) -> None:
    """Does a bright spot in one corner of a 6×4×4 image change a norm's output in the opposite corner?"""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(1, 6, 4, 4, generator=random)
    bright = x.clone()
    bright[:, :, 0, 0] += 10 * torch.randn(6, generator=random).abs()
    with torch.no_grad():
        changes = {name: (norm(bright) - norm(x))[:, :, 3, 3].abs().max().item() for name, norm in norms.items()}
    rows = [[name, f"{change:.2f}"] for name, change in changes.items()]
    table(["LN", "change in the opposite corner"], rows, "Largest change of the output there.")


class OverChannels(nn.Module):
    """A norm of the last dimension, applied to the channels at each position of an (N, C, H, W) block."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: (N, C, H, W).  Returns the same shape."""
        y: torch.Tensor = self.norm(x.movedim(1, -1))
        return y.movedim(-1, 1)


def end_points(x: torch.Tensor) -> None:
    """Group norm with G = 1 and with G = C, beside layer norm over (C, H, W) and instance norm: outputs, and γ."""
    channels = x.shape[1]
    layer, instance = nn.LayerNorm(x.shape[1:]), nn.InstanceNorm2d(channels, affine=True)
    one_group, all_groups = nn.GroupNorm(1, channels), nn.GroupNorm(channels, channels)
    print("G = 1: nowhere more than 1e-5 from layer norm?", (one_group(x) - layer(x)).abs().max().item() < 1e-5)
    print("G = C: nowhere more than 1e-5 from instance norm?", (all_groups(x) - instance(x)).abs().max().item() < 1e-5)
    for name, norm in {"GN": one_group, "LN": layer, "IN": instance}.items():
        print(f"{name}: shape of gamma {tuple(norm.get_parameter('weight').shape)}")


def layer_and_rms(x: torch.Tensor) -> None:
    """How far layer norm and RMSNorm of the rows of x are apart, and of the same rows with mean 0."""
    layer, rms = (norm(x.shape[-1], eps=1e-6) for norm in (nn.LayerNorm, nn.RMSNorm))
    centred = x - x.mean(dim=-1, keepdim=True)
    for name, rows in {f"mean about {x.mean().item():.0f}": x, "mean 0 in each row": centred}.items():
        print(f"{name}: LN and RMSNorm differ by at most {(layer(rows) - rms(rows)).abs().max().item():.2f}")


CHANGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "one image × 3": lambda x: torch.cat([3 * x[:1], x[1:]]),
    "one image + 2": lambda x: torch.cat([x[:1] + 2, x[1:]]),
    "channels 0 to 3 of one image × 3": lambda x: torch.cat([torch.cat([3 * x[:1, :4], x[:1, 4:]], 1), x[1:]]),
    "one channel of one image × 3": lambda x: torch.cat([torch.cat([3 * x[:1, :1], x[:1, 1:]], 1), x[1:]]),
    "one channel of all images × 3": lambda x: torch.cat([3 * x[:, :1], x[:, 1:]], 1),
    "each position × its own factor": lambda x: x * torch.linspace(1, 3, x[0, 0].numel()).view(x.shape[2:]),
}
"""Changes of an (N, 8, H, W) block, by name."""


@one_thread()
def forgotten(norm: nn.Module) -> list[bool]:
    """For each of :data:`CHANGES`, whether the norm's output (train mode, 8 channels) stays the same but for ε."""
    x = torch.randn(4, 8, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    norm = norm.double().train()
    return [torch.allclose(norm(x), norm(change(x)), rtol=0, atol=1e-3) for change in CHANGES.values()]


def forgotten_table(norms: Mapping[str, nn.Module]) -> None:
    """For each of :data:`CHANGES` and each norm of 8 channels: is the output the same after it?"""
    found = [forgotten(norm) for norm in norms.values()]
    rows = [[name, *("yes" if same else "no" for same in row)] for name, *row in zip(CHANGES, *found, strict=True)]
    table(["change", *norms], rows, "Is the output (train mode) the same after the change of the input, to 0.001?")
