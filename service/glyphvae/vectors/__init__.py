"""Pen strokes as curves, their outlines, and their painting at any scale."""
