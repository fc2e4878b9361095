"""Measures of pictures and of samples."""
