"""Graph -> Graph: the steps between a recorded program and its schedule. ``pipeline.PIPELINE`` has them in order."""
