"""Data sets of handwritten characters and how they are prepared."""
