"""For authors: ``solutions/*.py`` → executed ``solutions/*.ipynb`` → learner edition ``notebooks/*.ipynb``."""
