"""Files that go to the browser."""


def download(path):
    """Say which file the browser would save."""
    print(f"The browser saves {path}.")
