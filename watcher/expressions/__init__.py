"""The one language of conditions and templates: Jinja2 in its sandbox, bounded, and checked before it is used.

A condition sees `event`, `record`, `changes`, `account`, `partition` and `source`, all of them plain values, and the
helpers of `scope`. A field that is empty is none; one that nobody has described is refused when the rules are read, not
when a sale depends on it.

    source -> language (what is offered, what it may cost) -> condition (holds, why)
           -> checks (by reading: fields; by trying: samples)
"""

from watcher.expressions.checks import check, constant
from watcher.expressions.condition import Condition, Reason
from watcher.expressions.samples import sample_events
from watcher.expressions.scope import HELPERS, NAMES, scope

__all__ = ["HELPERS", "NAMES", "Condition", "Reason", "check", "constant", "sample_events", "scope"]
