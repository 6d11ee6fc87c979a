"""The key service as a process of its own: one process opens the keyring, all others ask it over a Unix socket."""
