"""Are pins in the package index? python package_index.py <name>==<version> ... names the
first that is not. One process asks pip for all of them, for starting pip costs more than asking."""

import contextlib
import io
import re
import runpy
import sys


def versions(name: str) -> tuple[set[str], str]:
    """The versions of a package that pip could install here, and what pip says beside them."""
    options = ["--retries=0", "--timeout=10", "--disable-pip-version-check"]
    sys.argv = ["pip", "index", "versions", name, *options]
    listed, said = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(listed),
        contextlib.redirect_stderr(said),
        contextlib.suppress(SystemExit),
    ):
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    found = re.search("Available versions: (.*)", listed.getvalue())
    # A build such as 2.13.0+cpu is what the pin 2.13.0 asks for.
    return {v.partition("+")[0] for v in found[1].split(", ")} if found else set(), said.getvalue()


if __name__ == "__main__":
    for pin in sys.argv[1:]:
        name, _, version = pin.partition("==")
        there, said = versions(name)
        if version not in there:
            sys.exit(
                f"{pin} is not in the package index that pip asks, or none can be reached. "
                f"pip says:\n{said[-800:]}"
            )
