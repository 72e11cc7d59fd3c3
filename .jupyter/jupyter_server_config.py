"""The server that ``make lab`` starts.  For its JupyterLab see labconfig/: nbgrader's panels are an instructor's."""

from ipykernel.ipkernel import IPythonKernel
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager


class Notebooks(AsyncLargeFileManager):
    """Gives a Python notebook as the kernel here would have it, so that it is not unsaved as soon as it is opened."""

    async def get(self, path, *arguments, **options):
        """What a front end asks for."""
        model = await super().get(path, *arguments, **options)
        if model["type"] == "notebook" and model["content"]:
            about = model["content"]["metadata"]
            if about.get("language_info", {}).get("name") == "python":
                about["language_info"] = IPythonKernel.language_info
        return model


c = get_config()  # noqa: F821
c.ServerApp.contents_manager_class = Notebooks
