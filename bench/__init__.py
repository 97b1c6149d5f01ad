"""Benchmarks: ours and a limit or peer in turn, in one run, on servers that the run starts itself."""
