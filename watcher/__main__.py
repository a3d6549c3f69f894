"""`python -m watcher`, and the `watcher` command."""

from __future__ import annotations

from watcher.cli import watcher


def main() -> None:
    """Run the command line and end the process with its exit code."""
    watcher(prog_name="watcher")


if __name__ == "__main__":
    main()
