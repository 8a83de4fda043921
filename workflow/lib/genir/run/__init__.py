"""What only rules call: what a configuration asks for, as files, arguments, memory and minutes."""
