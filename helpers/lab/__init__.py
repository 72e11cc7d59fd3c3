"""Experiments: data, nets, training, and the figures that show them."""
