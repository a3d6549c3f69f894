"""What `watcher doctor` looks at: one file a group of checks, each a function from plain arguments to findings.

Nothing here writes, takes the store's lock, or shows a secret. What is asked of the machine is asked at the edge, in
`watcher.cli.doctor`, or by the few functions that say so.
"""
