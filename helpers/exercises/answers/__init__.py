"""References and suspects.  A class edition travels without this folder."""
