"""Many sources on one loop: the whole daemon, polling lists that do not change, asked for 1,000 polls a second."""

from __future__ import annotations

from bench.figure import Figure, exactly
from bench.fit import exponent
from bench.payloads import pages, records, squeezed
from bench.processes import child
from bench.scope import Scope, say


def measure(scope: Scope) -> list[Figure]:
    """The figures of the largest counts, the memory of an idle source, and how the cost of a poll grows."""
    body = pages("leads", records("leads", 1))
    scope.vendor.put("leads", {place: squeezed(page) for place, page in body.items()})
    counts = {100: 1.0, 1_000: 1.0} if scope.quick else {100: 1.0, 1_000: 1.0, 10_000: 10.0, 50_000: 50.0}
    found = {}
    for count, every in counts.items():
        say(f"  {count:,} sources every {every:g} s")
        seconds = scope.pick(6, 12) if every < 10 else max(30, every)  # all of them once, at least
        found[count] = child("many", scope.place(f"sources{count}"), scope.vendor.url, count, every, seconds)
        exactly(found[count]["errors"], 0, f"polls that failed among {count} sources")
    figures = []
    for count, every in counts.items():
        one = found[count]
        words = f"{count:,} sources every {every:g} s"
        figures += [
            Figure(f"sources.lag-{count}", one["p99"], "ms", f"{words}: lag p99 (p50 {one['p50']:.1f} ms)"),
            Figure(f"sources.core-{count}", one["core"], "% core", f"{words}: {one['rate']:.0f} polls a second kept"),
            Figure(f"sources.poll-{count}", one["core"] * 10 / one["rate"], "ms", f"{words}: processor time of a poll"),
        ]
    small, large = min(counts), max(counts)
    memory = (found[large]["rss"] - found[small]["rss"]) / (large - small) * 10_000
    costs = [found[count]["core"] / found[count]["rate"] for count in counts]
    return [
        *figures,
        Figure("sources.memory", memory, "MiB", "per 10,000 idle sources of a record each"),
        Figure("sources.grow", exponent(list(counts), costs), "exponent", "cost of a poll against sources"),
    ]
