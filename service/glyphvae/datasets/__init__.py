"""Labelled data sets in common file formats."""
