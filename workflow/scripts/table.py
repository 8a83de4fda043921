"""One table; for the time being through the script of its own."""

import sys
from importlib import import_module

from script import run

if __name__ == "__main__":
    name = sys.argv.pop(1)
    run(import_module(name if name == "paper_comparison" else f"table_{name}").main)
