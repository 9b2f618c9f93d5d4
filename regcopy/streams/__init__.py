"""Bytes in motion: verified streams and safe files. Knows nothing of registries."""
