"""Shared code of the batch normalization course; see each room's docstring.

``judge`` observes and judges, ``exercises`` holds what learners build, ``lab`` trains nets and draws figures,
``widgets`` is what is touched with a mouse, ``editions`` turns ``solutions/*.py`` into notebooks.
"""

COURSE = "batchnorm"
