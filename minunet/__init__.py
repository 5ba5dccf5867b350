"""A U-Net written by hand in NumPy, with every gradient proved."""

__version__ = "0.1.0"
