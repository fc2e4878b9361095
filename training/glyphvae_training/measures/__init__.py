"""Measures of images and of samples."""
