"""What a kernel does first: Colab has its package loaded, and an argument that a widget does not know is an error."""

import os
import warnings

if os.environ.get("COLAB_RELEASE_TAG"):
    import google.colab  # noqa: F401

warnings.filterwarnings("error", "Passing unrecognized arguments")
del os, warnings
