"""`python -m regcopy`."""

from regcopy.cli.main import run

if __name__ == "__main__":
    run()
