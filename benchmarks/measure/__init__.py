"""The parts of the benchmark commands: what is timed, how, and how it is told."""
