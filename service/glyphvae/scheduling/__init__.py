"""Batching, deadlines and worker pools."""
