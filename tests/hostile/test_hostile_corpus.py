"""The corpus: sources that misbehave, by the real client, source, poll and store. Nothing false is told, ever."""

from collections import Counter

import pytest
from attack import DAY, FIGURES, KINDS, Scene, run
from attack_envelope import ENVELOPE
from attack_records import RECORD
from attack_table import ALL, LEFT, SPOILT
from attack_wire import BODIES, CONNECTIONS, ERRORS

from watcher.streams import OPERATIONAL

CORPUS = (*CONNECTIONS, *BODIES, *ERRORS, *ENVELOPE, *RECORD)
RUNS = [(case, kind) for case in CORPUS for kind in KINDS.values() if case.outcome_for(kind)]


@pytest.mark.parametrize(("case", "kind"), [pytest.param(*one, id=f"{one[0].name}-{one[1].name}") for one in RUNS])
def test_a_source_that_misbehaves_is_not_believed(case, kind, place):
    """Once, then three times in a row: nothing false is told, the trouble is, and what changed is told afterwards."""
    run(_attacked(case, kind, place))


async def _attacked(case, kind, directory):
    FIGURES.top(cases=len(CORPUS))
    FIGURES.add(runs_of_cases=1, false_events=0, false_removals=0)
    async with Scene.open(kind, directory, case.records) as scene:
        for number, polls in enumerate((1, 3)):
            other = scene.ids[2 + number]
            scene.patch(scene.victim, {})  # touched, so that a read by cursor has it in view
            await _tells(scene, [], "a record was touched")
            before = scene.image()
            await _round(case, scene, other, polls)
            _settled(case, scene, before, other)
        told = scene.stored("SELECT count(*) FROM events")[0][0]
        assert scene.stored("SELECT count(*) FROM deliveries")[0][0] == told


async def _round(case, scene, other, polls):
    """Change two records, attack, and return to normal; everything is told in its time, and nothing else."""
    outcome, victim = case.outcome_for(scene.kind), scene.victim
    scene.older = scene.sim.world.get(scene.kind.rows, scene.kind.partition, victim)
    changed = {"other": scene.change(other), "victim": scene.change(victim)}
    before = scene.image()
    entered = []
    async with case.attack(scene):
        for poll in range(polls):
            news = [told for who, told in changed.items() if who in outcome.shows and poll == 0]
            if trouble := outcome.trouble(poll):
                entered.append(trouble)
                news.append((trouble, str(scene.name)))
            await _tells(scene, news, f"poll {poll + 1}")
            assert bool(scene.seen.error) is outcome.error, scene.seen.error
            if outcome.waits:
                assert scene.seen.wait.total_seconds() == max(outcome.waits[poll], case.asks)
            if outcome.frozen:
                _same(scene.image(), before, absences=not outcome.absences)
    hidden = [told for who, told in changed.items() if who not in outcome.shows]
    left = [(LEFT[trouble], str(scene.name)) for trouble in entered]
    if outcome is SPOILT and scene.kind.name == "leads":
        # A read by cursor cannot say that all records are well again: at the latest, the day's full read does.
        told = await _tells(scene, hidden, "afterwards", or_else=hidden + left)
        await _tells(scene, [one for one in left if one not in told], "at the next full read", DAY)
    else:
        await _tells(scene, hidden + left, "afterwards")
    await _tells(scene, [], "afterwards, once more")


def _settled(case, scene, before, other):
    """Afterwards the snapshot is what is upstream; what did not change there lies as it lay before."""
    assert scene.snapshot() == scene.upstream()
    after = scene.image()
    assert set(after.absences.values()) == {0}
    assert (before.cursor is None) is (after.cursor is None)
    if before.cursor is not None:
        assert before.cursor < after.cursor <= scene.now.timestamp()
    changed = {other, scene.victim}
    assert after.without(*changed).versions == before.without(*changed).versions
    if case.outcome_for(scene.kind).shows != ALL:
        assert after.without(*changed).records == before.without(*changed).records


def _same(now, before, *, absences=True):
    assert now.records == before.records
    assert now.versions == before.versions
    assert (now.cursor, now.baselined_at) == (before.cursor, before.baselined_at)
    if absences:
        assert now.absences == before.absences


async def _tells(scene, expected, when, wait=None, *, or_else=None):
    """Poll: just that is told, in any order, and what is false is counted; return it."""
    told = sorted(await scene.poll(wait))
    false = Counter(told) - Counter(expected) - Counter(or_else or ())
    FIGURES.add(
        false_events=sum(count for (event, _), count in false.items() if event not in OPERATIONAL),
        false_removals=sum(count for (event, _), count in false.items() if event.endswith("-removed")),
    )
    if told != sorted(or_else or ()):
        assert told == sorted(expected), f"{when}: {scene.seen.error or scene.seen.doubt}"
    return told
