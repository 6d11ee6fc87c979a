"""The command line: the composition root. Reads settings, builds adapters, starts one process."""
