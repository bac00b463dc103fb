"""builderbrain wiring: the `bb` command, configuration, ledger file, pytest plugin."""
