"""The command line: parsing and printing only.

Start-up is short on purpose: a module here imports the library inside the function that
needs it, so that `--version`, `--help` and a mistyped flag answer at once.
"""
