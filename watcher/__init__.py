"""watcher tells people what changed in the systems they work with.

Data takes one path, and the list of modules is that path::

    poll -> decode -> diff -> derive -> route -> commit          deliver -> settle

Begin with `watcher.poll`; `docs/architecture.md` is the map.
"""

__version__ = "0.1.0"
