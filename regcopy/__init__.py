"""Copy container images between registries, layouts and directories, every byte verified."""

__version__ = "0.1.0"
