"""Labelled data sets, in the formats that loaders read."""
