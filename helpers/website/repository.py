"""The links that follow from the address of the repository; while that is not known there are none."""

from __future__ import annotations

from urllib.parse import urlsplit


def run_it_at(address: str, notebook: str) -> list[tuple[str, str]]:
    """(label, URL) of the places that run a learner notebook in the browser.

    >>> run_it_at("https://github.com/ada/bn", "00_start_here")[0][1]
    'https://colab.research.google.com/github/ada/bn/blob/HEAD/notebooks/00_start_here.ipynb'
    >>> run_it_at("", "00_start_here")
    []
    """
    if not address:
        return []
    where, file = urlsplit(address).path.strip("/"), f"notebooks/{notebook}.ipynb"
    return [
        ("Open in Colab", f"https://colab.research.google.com/github/{where}/blob/HEAD/{file}"),
        ("Open in Binder", f"https://mybinder.org/v2/gh/{where}/HEAD?labpath={file}"),
    ]


def base(address: str) -> str:
    """The path under which GitHub serves the pages, from which a page that was not found can lead home; or "".

    It is that of NAME.github.io; a domain of one's own is not known from the address of the repository.

    >>> base("https://github.com/ada/bn"), base("https://github.com/ada/Ada.github.io"), base("")
    ('/bn/', '/', '')
    """
    owner, _, name = urlsplit(address).path.strip("/").partition("/")
    return "" if not address else "/" if name.lower() == f"{owner}.github.io".lower() else f"/{name}/"
