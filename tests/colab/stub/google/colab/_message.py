"""Questions to the front end."""

import json
import os
from pathlib import Path


def blocking_request(kind, timeout_sec=5):
    """The notebook that ``COLAB_STUB_NOTEBOOK`` names, as the front end gives it; None where it does not answer."""
    place = os.environ.get("COLAB_STUB_NOTEBOOK")
    return {"ipynb": json.loads(Path(place).read_text(encoding="utf-8"))} if kind == "get_ipynb" and place else None
