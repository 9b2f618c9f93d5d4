"""Configuration files of the host, read into values. The environment enters as one mapping."""
