"""What it costs, measured: `python -m bench`."""
