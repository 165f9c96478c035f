"""The script that writes the reference needs PyTorch; it is no test."""

collect_ignore = ["reference.py"]
