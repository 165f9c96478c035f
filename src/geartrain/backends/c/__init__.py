"""Plans as C source, for use without Python."""
