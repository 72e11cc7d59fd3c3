"""Experiments of the notebooks: what each of them trains and draws, on the engine in ``lab``."""
