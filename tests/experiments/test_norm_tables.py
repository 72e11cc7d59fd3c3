"""What notebook 05 says of a block of numbers under each norm, without training."""

import torch
from torch import nn

from helpers.experiments import norm_tables as lab


def test_by_hand(capsys):
    lab.by_hand()
    rows = {line.split("  ")[0]: line.split()[-3:] for line in capsys.readouterr().out.splitlines()}
    assert rows["BN"] == ["3", "2", "−1.41"] and rows["LN over C"] == ["3", "4", "−1.00"]
    assert rows["LN over C, H, W; GN, G = 1"] == ["4", "5", "−1.34"]
    assert rows["IN; GN, G = 2"] == ["2", "1", "−1.00"] and rows["RMS over C"] == ["0", "13", "0.28"]


def test_one_image_is_instance_norm_and_one_value_is_refused(capsys):
    lab.one_image(nn.BatchNorm2d(3), torch.randn(1, 3, 4, 4))
    same, refused = capsys.readouterr().out.splitlines()
    assert same.startswith("one 4×4 image") and same.endswith("True") and "more than 1 value per channel" in refused


def test_end_points_of_group_norm(capsys):
    lab.end_points(torch.randn(5, 6, 4, 4))
    out = capsys.readouterr().out
    assert out.count("True") == 2 and "LN: shape of gamma (6, 4, 4)" in out


def test_layer_norm_and_rms_norm_differ_by_the_mean(capsys):
    lab.layer_and_rms(torch.randn(4, 6) + 2)
    apart, same = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert apart > 0.5 and same == 0


def test_what_each_norm_forgets(capsys):
    assert lab.forgotten(nn.BatchNorm2d(8)) == [False, False, False, False, True, False]
    assert lab.forgotten(nn.InstanceNorm2d(8)) == [True, True, True, True, True, False]
    assert lab.forgotten(nn.GroupNorm(2, 8)) == [True, True, True, False, False, False]
    assert lab.forgotten(nn.GroupNorm(1, 8)) == [True, True, False, False, False, False]
    assert lab.forgotten(lab.OverChannels(nn.LayerNorm(8))) == [True, True, False, False, False, True]
    assert lab.forgotten(lab.OverChannels(nn.RMSNorm(8))) == [True, False, False, False, False, True]
    lab.forgotten_table({"BN": nn.BatchNorm2d(8)})
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(lab.CHANGES)


def test_only_layer_norm_over_all_reaches_the_other_corner(capsys):
    lab.corner_table({"all": nn.LayerNorm((6, 4, 4)), "C": lab.OverChannels(nn.LayerNorm(6))})
    everything, channels = capsys.readouterr().out.splitlines()[-2:]
    assert float(everything.split()[-1]) > 0.1 and float(channels.split()[-1]) == 0
