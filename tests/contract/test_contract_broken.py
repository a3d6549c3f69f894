"""The suite can fail: a sink with one fault breaks the promises that the fault is about, and no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import contract_bad_sinks as bad
import pytest
from contract_vendors import Apimo

from watcher.errors import Permanent
from watcher.model import Delivery, Known, Outcome, Plan, Reading
from watcher.rehearsal.memory import MemoryStore
from watcher.sinks import SinkType
from watcher.sources.apimo import ApimoSource
from watcher.testing import SinkContract, StoreContract, broken, leaks
from watcher.units import Secret

CONNECTION, ATTEMPT, UNANSWERED, TAKEN, ECHO = (
    f"test_{name}"
    for name in (
        "nothing_secret_is_said_of_a_connection_that_fails",
        "nothing_secret_is_said_of_an_attempt_that_fails",
        "nothing_secret_is_said_when_nobody_answers",
        "nothing_secret_is_said_of_a_message_that_is_taken",
        "a_peer_that_repeats_everything_brings_out_no_secret",
    )
)
VOUCHED = "test_nothing_is_said_to_a_peer_that_nobody_vouches_for"
TURNED_AWAY, LATER = "test_being_turned_away_is_said", "test_what_may_work_later_is_tried_again"
SILENCE, HELD_UP = "test_silence_costs_the_attempt_its_time", "test_who_waits_for_an_answer_holds_up_nobody"
ENDLESS = "test_of_an_answer_without_end_only_the_beginning_is_read"
PACKED = "test_a_packed_answer_does_not_grow"
PERSONAL = "test_nothing_personal_is_sent_where_it_may_not_be"
ANYWHERE = "test_cancelled_at_any_await_it_leaves_nothing_behind"
IN_SILENCE, CLOSED = "test_cancelled_in_silence_it_lets_go", "test_closed_it_has_let_go_of_everything"

BREAKS: Mapping[type[bad.Good], set[str]] = {
    bad.Good: set(),
    bad.TellsItsAddress: {CONNECTION, ATTEMPT, UNANSWERED},
    bad.ShowsItself: {"test_a_sink_shows_no_secret"},
    bad.LogsWhatItSends: {CONNECTION, ATTEMPT, UNANSWERED, TAKEN, ECHO, VOUCHED},
    bad.PrintsItsAddress: {CONNECTION},
    bad.KeepsAnEcho: {ECHO},
    bad.QuotesThePeer: {ECHO},
    bad.FollowsRedirects: {"test_no_redirect_is_followed"},
    bad.SwallowsErrors: {LATER},
    bad.ReadsEverything: {ENDLESS},
    bad.UnpacksEverything: {PACKED},
    bad.KeepsTheWholeAnswer: {"test_a_message_that_is_taken_came_once", PACKED, ENDLESS},
    bad.MistakesARefusal: {TURNED_AWAY},
    bad.ForgetsToPause: {TURNED_AWAY},
    bad.GivesUpTooSoon: {LATER},
    bad.TriesForEver: {"test_what_will_not_work_is_not_tried_again"},
    bad.KnowsOneSuccess: {"test_each_status_of_success_is_taken"},
    bad.TakesAnythingForSuccess: {"test_a_status_that_is_none_is_no_success"},
    bad.GivesUpOnNoise: {"test_a_lost_connection_is_tried_again", "test_no_answer_that_can_be_read_is_none"},
    bad.GivesUpOnSilence: {"test_a_connection_that_hangs_is_given_up_in_time", "test_half_an_answer_is_given_up_in_time", SILENCE},
    bad.InsistsOnTheEnd: {"test_a_body_that_never_ends_ends_the_attempt_in_time"},
    bad.SulksAfterAFailure: {"test_after_a_failure_the_next_one_gets_through"},
    bad.DoesNotWait: {"test_retry_after_is_heeded"},
    bad.TakesNonsenseForATime: {"test_a_retry_after_that_makes_no_sense_counts_for_nothing"},
    bad.TriesAgainByItself: {"test_an_attempt_is_one_request"},
    bad.NeverDoubts: {
        SILENCE, "test_half_an_answer_is_given_up_in_time", "test_no_answer_that_can_be_read_is_none",
    },
    bad.LetsErrorsOut: {
        "test_a_refused_connection_is_tried_again", CONNECTION,
        "test_in_the_clear_where_it_should_be_encrypted_nothing_is_said",
    },
    bad.TrustsAnybody: {VOUCHED, "test_a_certificate_that_is_no_good_is_not_tried_again"},
    bad.MakesAnIdAtEachAttempt: {"test_a_resend_carries_the_same_id"},
    bad.TellsPersonalData: {PERSONAL},
    bad.PutsAValueIntoTheAddress: {"test_a_value_is_only_a_value"},
    bad.MixesThemUp: {"test_many_at_once_come_once_each"},
    bad.ChokesOnALongText: {"test_a_long_text_is_sent", SILENCE, HELD_UP, IN_SILENCE},
    bad.KnowsNoSummaries: {"test_a_summary_is_a_message", PERSONAL},
    bad.LeavesATask: {ANYWHERE, IN_SILENCE, CLOSED},
    bad.LeavesTheSessionOpen: {ANYWHERE, CLOSED},
    bad.GoesOnWhenCancelled: {IN_SILENCE},
    bad.SwallowsCancellation: {ANYWHERE, IN_SILENCE},
    bad.TurnsCancellationIntoAnError: {ANYWHERE, IN_SILENCE},
    bad.HoldsUpEverybody: {HELD_UP, IN_SILENCE},
    bad.ClosesOnce: {"test_closing_is_never_an_error"},
}  # fmt: skip

EACH = pytest.mark.parametrize("sink", BREAKS, ids=lambda sink: sink.__name__)
# What these sinks throw away complains when it is collected: in their own tests, or later.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come to be is not waited for as long as elsewhere."""
    monkeypatch.setattr(leaks, "SOON", 0.7)


def contract_of(sink: type[bad.Good]) -> type[SinkContract]:
    """The suite for that sink, in little time."""

    class Tried(SinkContract):
        kind = SinkType(bad.Config, sink, people=False)
        time = timedelta(seconds=2)
        little_time = timedelta(seconds=0.1)

        def settings(self, address: str) -> Mapping[str, Any]:
            return {"url": Secret(address)}

    return Tried


@EACH
def test_a_fault_breaks_the_promises_that_it_is_about(sink: type[bad.Good]) -> None:
    """Each of them."""
    assert broken(contract_of(sink), BREAKS[sink]).keys() == BREAKS[sink]


@pytest.mark.slow
@EACH
def test_a_fault_breaks_no_other_promise(sink: type[bad.Good]) -> None:
    """Whoever reads which promise is broken knows where to look."""
    assert broken(contract_of(sink)).keys() == BREAKS[sink]


def test_every_promise_about_a_sink_can_be_broken() -> None:
    """By one of these: none is kept by whatever one writes."""
    assert set().union(*BREAKS.values()) == {name for name in dir(SinkContract) if name.startswith("test_")}


# ----------------------------------------------------------------------------------------------------- what is left out


def test_a_part_is_left_out_only_with_a_reason() -> None:
    """Nor is one that does not exist."""
    for without in ({"tls": ""}, {"tsl": "it has none"}):
        with pytest.raises(TypeError, match="needs to be one of messages"):
            type("Tried", (SinkContract,), {"without": without})


def test_what_is_left_out_is_not_tried_and_the_rest_is() -> None:
    """By part."""
    tried = type("Tried", (SinkContract,), {"without": {"tls": "it has none"}})
    gone = {name for name in dir(SinkContract) if name.startswith("test_") and getattr(tried, name) is None}
    assert gone == {VOUCHED, "test_in_the_clear_where_it_should_be_encrypted_nothing_is_said"}


# --------------------------------------------------------------------------------------------------------------- stores


class Halves(MemoryStore):
    """A store that writes half of a plan before it finds that the rest does not fit."""

    async def commit(self, plan: Plan) -> None:
        """Events first."""
        await super().commit(Plan(plan.at, events=plan.events))
        await super().commit(plan)


class Hasty(MemoryStore):
    """A store that does not wait until a message is due."""

    async def due(self, sink: str, now: datetime, limit: int, busy: Collection[int] = ()) -> list[Delivery]:
        """Those of tomorrow."""
        return await super().due(sink, now + timedelta(days=1), limit, busy)


class Forgetful(MemoryStore):
    """A store that forgets what becomes of an attempt."""

    async def settle(self, delivery: Delivery, outcome: Outcome, now: datetime, plan: Plan | None = None) -> None:
        """Only what it means."""
        await self.commit(plan or Plan(now))


@pytest.mark.parametrize(
    ("store", "breaks"),
    [
        (MemoryStore, set()),
        (Halves, {"test_a_plan_that_does_not_fit_changes_nothing"}),
        (Hasty, {"test_a_failing_record_holds_back_only_itself", "test_the_longest_due_comes_first",
                 "test_what_is_released_takes_its_old_place"}),
        (Forgetful, {"test_a_settlement_cancelled_anywhere_is_whole_or_not_there", "test_a_thread_that_is_gone_is_left",
                     "test_a_failing_record_holds_back_only_itself", "test_a_sink_is_owed_an_event_once",
                     "test_an_attempt_is_settled_once", "test_an_outcome_and_what_it_means_are_written_together",
                     "test_being_turned_away_pauses_the_sink", "test_of_a_record_only_the_first_is_due",
                     "test_the_longest_due_comes_first", "test_the_messages_of_a_record_are_put_under_the_first",
                     "test_what_a_sink_notes_comes_back_at_the_next_attempt",
                     "test_what_is_released_takes_its_old_place"}),
    ],
)  # fmt: skip
def test_a_store_with_a_fault_is_found_out(store: type[MemoryStore], breaks: set[str]) -> None:
    """By the promises that it breaks, and no other; one without keeps them all."""
    assert broken(type("Tried", (StoreContract,), {"open": lambda _: store()})).keys() == breaks


# -------------------------------------------------------------------------------------------------------------- sources


class Hopeful(ApimoSource):
    """A source that calls everything complete."""

    async def read(self, known: Known, since: int | None) -> Reading:
        """Without a doubt."""
        return replace(await super().read(known, since), complete=since is None, doubt="")


class Blind(ApimoSource):
    """A source that takes every failure for an empty list."""

    async def read(self, known: Known, since: int | None) -> Reading:
        """Nothing, if need be."""
        try:
            return await super().read(known, since)
        except Permanent:
            return Reading((), frozenset(), full=True, complete=True)


DOUBTS = {"test_a_record_that_came_twice_leaves_a_doubt", "test_a_record_without_an_id_hides_no_other",
          "test_a_total_that_does_not_fit_leaves_a_doubt"}  # fmt: skip
BLINDNESS = {"test_an_answer_that_is_no_list_is_a_failure", "test_an_answer_without_end_is_given_up", TURNED_AWAY,
             "test_a_packed_answer_is_unpacked_within_bounds", "test_no_redirect_is_followed",
             "test_nothing_secret_is_said", "test_other_refusals_are_permanent"}  # fmt: skip


@pytest.mark.parametrize(("source", "breaks"), [(Hopeful, DOUBTS), (Blind, BLINDNESS)])
def test_a_source_with_a_fault_is_found_out(source: type[ApimoSource], breaks: set[str]) -> None:
    """By the promises that it breaks, and no other."""

    class Tried(Apimo):
        kind = source

    assert broken(Tried).keys() == breaks
