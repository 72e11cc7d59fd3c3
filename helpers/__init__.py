"""Shared code of the batch normalization course; see each room's docstring.

``judge`` observes and judges, ``exercises`` holds what learners build, ``lab`` trains nets and draws figures,
``experiments`` is what single notebooks train, ``widgets`` what is touched with a mouse, ``look`` how all of it looks;
``editions`` turns ``solutions/*.py`` into notebooks, and ``arrival`` brings what a notebook carries into a kernel.
"""
