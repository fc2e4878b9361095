"""Fonts of one hand: outlines, spacing, features and names, as OpenType files."""
