"""What the course uses of ``google.colab``, as far as it can be imitated; not Google's code."""

from . import _message, files  # noqa: F401
