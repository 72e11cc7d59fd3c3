"""What is touched with a mouse: core ipywidgets only, so that every front end shows it."""
