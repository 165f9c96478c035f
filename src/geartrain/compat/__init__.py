"""Other packages' names for what geartrain does: ``autograd`` for programs written with HIPS autograd."""
