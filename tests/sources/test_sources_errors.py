"""Error answers, sorted by what to do next; what they say and what they must not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses
from hypothesis import given
from hypothesis import strategies as st
from peers import BASE, NOON, FakeBudget, FakeClock
from yarl import URL

from watcher.errors import Permanent, Transient
from watcher.sources.answers import LONGEST, Answer, NotFound, lull, refusal
from watcher.sources.http import Client

LEADS = f"{BASE}/leads"
FRENCH = json.dumps({"success": False, "message": "Trop de requêtes, veuillez réessayer dans 12 seconde(s)."})


def unix(seconds: float) -> str:
    """A moment so many seconds after noon, as a Unix time."""
    return str(int(NOON.timestamp() + seconds))


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
async def test_redirects_are_not_followed(answers: aioresponses, client: Client, status: int) -> None:
    """A redirect is a permanent error, and one request is all that is made."""
    answers.get(LEADS, status=status, headers={"Location": "https://elsewhere.test/"})
    with pytest.raises(Permanent, match=f"HTTP {status}: redirected; not followed") as told:
        await client.get("leads")
    assert not told.value.refused
    assert len(answers.requests) == 1


@pytest.mark.parametrize(("status", "refused"), [(400, False), (401, True), (403, True), (410, False), (422, False)])
async def test_refusals_are_permanent(answers: aioresponses, client: Client, status: int, refused: bool) -> None:
    """4xx will not get better by itself; 401 and 403 say that the whole account is turned away."""
    answers.get(LEADS, status=status, payload={"message": "Nope."})
    with pytest.raises(Permanent, match=f"HTTP {status}: Nope.") as told:
        await client.get("leads")
    assert told.value.refused is refused


async def test_404_can_be_told_from_the_others(answers: aioresponses, client: Client) -> None:
    """What is not there has an error of its own, for whoever asked whether it is."""
    answers.get(LEADS, status=404, body="<html>")
    with pytest.raises(NotFound, match=r"^HTTP 404$"):
        await client.get("leads")


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 599])
async def test_trouble_on_their_side_is_transient(answers: aioresponses, client: Client, status: int) -> None:
    """Time-outs and 5xx may pass; Retry-After is handed on."""
    answers.get(LEADS, status=status, headers={"Retry-After": "17"}, payload={"message": "Server Error"})
    with pytest.raises(Transient, match=f"HTTP {status}: Server Error") as told:
        await client.get("leads")
    assert told.value.retry_after == 17


WAITS: list[tuple[dict[str, str], str, float]] = [
    ({"Retry-After": "7"}, FRENCH, 7),
    ({"Retry-After": "0"}, "", 0),
    ({"Retry-After": format_datetime(NOON + timedelta(seconds=90))}, "", 90),
    ({"Retry-After": "Sat, 21 Nov 2026 12:01:50 +0100"}, "", 90),
    ({"Retry-After": format_datetime(NOON - timedelta(seconds=90))}, "", 0),
    ({"Retry-After": "99999999"}, "", LONGEST),
    ({"Retry-After": "soon", "X-RateLimit-Reset": unix(40)}, FRENCH, 40),
    ({"Retry-After": "-5", "X-RateLimit-Reset": "soon"}, FRENCH, 14),
    ({"X-RateLimit-Reset": unix(-40)}, FRENCH, 14),
    ({"X-RateLimit-Reset": unix(10_000_000)}, "", LONGEST),
    ({}, FRENCH, 14),
    ({}, '{"message": "Too Many Attempts."}', 30),
    ({}, "", 30),
]


@pytest.mark.parametrize(("headers", "body", "wait"), WAITS)
async def test_a_429_says_how_long_to_wait(
    answers: aioresponses, client: Client, headers: dict[str, str], body: str, wait: float
) -> None:
    """Retry-After counts first, then the reset, then Adlead's French words and two seconds; else half a minute."""
    answers.get(LEADS, status=429, headers=headers, body=body)
    with pytest.raises(Transient, match="HTTP 429") as told:
        await client.get("leads")
    assert told.value.retry_after == wait


async def test_a_429_shuts_the_gate_for_everybody(answers: aioresponses, connect: Callable[..., Client]) -> None:
    """Whoever comes after a 429 that lasts is told to wait as well, without a request."""
    client = connect()
    answers.get(LEADS, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(Transient, match="HTTP 429"):
        await client.get("leads")
    with pytest.raises(Transient, match="asked us to wait") as told:
        await client.get("leads")
    assert told.value.retry_after == pytest.approx(3600, abs=5)
    assert sum(map(len, answers.requests.values())) == 1


async def test_what_a_429_says_counts_more_than_what_is_left(answers: aioresponses, client: Client) -> None:
    """A 429 with a wait of nothing opens the gate again at once, though nothing is left in the window."""
    answers.get(
        LEADS, status=429, headers={"Retry-After": "0", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": unix(7200)}
    )
    answers.get(LEADS, payload={})
    with pytest.raises(Transient, match="HTTP 429"):
        await client.get("leads")
    assert (await client.get("leads")).status == 200


def test_the_gate_shuts_before_the_vendor_has_to() -> None:
    """With two requests left in the vendor's window we wait for the next one: its reset, else the next minute."""
    now = NOON  # 20 seconds past the minute
    assert lull({"X-RateLimit-Remaining": "2", "X-RateLimit-Reset": unix(33)}, now) == 33
    assert lull({"X-RateLimit-Remaining": "0"}, now) == 40
    assert lull({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": unix(-3)}, now) == 40
    assert lull({"X-RateLimit-Remaining": "3"}, now) == 0
    assert lull({"X-RateLimit-Remaining": "many"}, now) == 0
    assert lull({}, now) == 0


async def test_a_good_answer_with_few_left_shuts_the_gate(answers: aioresponses, client: Client) -> None:
    """The answer is returned, and the next request waits."""
    answers.get(LEADS, payload={}, headers={"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": unix(7200)})
    assert (await client.get("leads")).status == 200
    with pytest.raises(Transient, match="asked us to wait"):
        await client.get("leads")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("La clé API fournie n'est pas valide.", "La clé API fournie n'est pas valide."),
        ("a\x00b\x1b[31mc\r\nd\u202ee", "a b [31mc d e"),
        ("see https://api.test/v1/leads?key=1 now", "see *** now"),
        ("unknown key tok3n for jean.dupont@example.fr", "unknown key *** for ***"),
        ("x" * 5000, "x" * 200),
    ],
)
def test_messages_are_made_fit_to_be_shown(message: str, shown: str) -> None:
    """Of what a vendor says, at most 200 letters are repeated: no control characters, secrets or addresses."""
    answer = Answer(500, {}, json.dumps({"message": message}).encode())
    assert refusal(answer, NOON, ("tok3n", "")).reason == f"HTTP 500: {shown}"


@pytest.mark.parametrize("body", [b"", b"<html>Error</html>", b"[]", b'{"message": 4}', b"\xff\xfe", b"[" * 9999])
def test_a_body_that_says_nothing_changes_nothing(body: bytes) -> None:
    """An error is sorted by its status, whatever its body."""
    assert refusal(Answer(500, {}, body), NOON).reason == "HTTP 500"


def test_messages_are_read_through_gzip() -> None:
    """The body of an error is inflated; if it cannot be, the status stands."""
    wire = gzip.compress(b'{"message": "Busy"}')
    assert refusal(Answer(503, {}, wire, "gzip"), NOON).reason == "HTTP 503: Busy"
    assert refusal(Answer(503, {}, wire[:12], "gzip"), NOON).reason == "HTTP 503"


@given(
    status=st.sampled_from([400, 403, 404, 429, 500, 503]),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining"]),
        st.text(max_size=30) | st.integers().map(str) | st.datetimes().map(format_datetime),
    ),
    body=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps({"message": text}).encode()),
)
def test_nothing_a_vendor_says_breaks_the_sorting(status: int, headers: dict[str, str], body: bytes) -> None:
    """Any header and any body give one of our errors, with a wait between nothing and a day."""
    error = refusal(Answer(status, headers, body), NOON)
    assert error.reason.startswith(f"HTTP {status}")
    assert error.reason.isprintable()
    if isinstance(error, Transient) and error.retry_after is not None:
        assert 0 <= error.retry_after <= LONGEST
    assert 0 <= lull(headers, NOON) <= LONGEST


KEY: Any = None  # of the connection; its words are not used

NO_ANSWER: list[tuple[Exception, str]] = [
    (aiohttp.ClientConnectorError(KEY, OSError(111, "x")), "connection refused"),
    (aiohttp.ClientConnectorError(KEY, OSError("many")), "no connection"),
    (aiohttp.ServerDisconnectedError(), "the connection was closed"),
    (aiohttp.ClientOSError(104, "reset by api.test"), "connection reset by peer"),
    (aiohttp.ClientPayloadError("api.test"), "it broke off"),
    (aiohttp.ServerTimeoutError("api.test"), "time-out"),
    (TimeoutError(), "time-out"),
]


@pytest.mark.parametrize(("error", "words"), NO_ANSWER)
async def test_no_answer_is_transient(answers: aioresponses, client: Client, error: Exception, words: str) -> None:
    """When nothing comes back it may be otherwise later; the text names no host and carries no other error."""
    answers.get(LEADS, exception=error)
    with pytest.raises(Transient) as told:
        await client.get("leads")
    assert told.value.reason == f"no answer: {words}"
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


# --------------------------------------------------------------------------------------------------------- budget


async def test_every_request_is_counted_first(answers: aioresponses, client: Client, budget: FakeBudget) -> None:
    """A request that fails has been counted as well: it was made."""
    answers.get(LEADS, exception=aiohttp.ServerDisconnectedError())
    with pytest.raises(Transient):
        await client.get("leads")
    assert budget.spent == {("azur", "2026-11-21"): 1}


async def test_a_spent_budget_ends_the_day(
    answers: aioresponses, connect: Callable[..., Client], clock: FakeClock, budget: FakeBudget
) -> None:
    """Beyond the budget nothing is sent until midnight in Paris, and a little later by luck."""
    client = connect(daily=2)
    answers.get(LEADS, payload={}, repeat=True)
    await client.get("leads")
    await client.get("leads")
    with pytest.raises(Transient, match="the day's budget of 2 requests is spent") as told:
        await client.get("leads")
    assert told.value.retry_after == 11 * 3600 + 59 * 60 + 40 + 30  # it is 12:00:20 in Paris, and luck is a half
    assert len(answers.requests["GET", URL(LEADS)]) == 2
    clock.now += timedelta(seconds=told.value.retry_after)
    await client.get("leads")
    assert budget.spent == {("azur", "2026-11-21"): 2, ("azur", "2026-11-22"): 1}


@pytest.mark.parametrize(
    ("before", "day", "hours"),
    [
        ("2026-03-28T22:59:00+00:00", "2026-03-28", 1 / 60),
        ("2026-03-28T23:00:00+00:00", "2026-03-29", 23),  # the clocks go forward
        ("2026-10-24T22:00:00+00:00", "2026-10-25", 25),  # and back
    ],
)
async def test_the_day_is_that_of_paris(
    connect: Callable[..., Client], clock: FakeClock, budget: FakeBudget, before: str, day: str, hours: float
) -> None:
    """The day begins and ends at midnight in Paris, also on the two that do not have 24 hours."""
    clock.now = type(NOON).fromisoformat(before)
    client = connect(daily=0)
    budget.spent["azur", day] = 0
    with pytest.raises(Transient) as told:
        await client.get("leads")
    assert told.value.retry_after == hours * 3600 + 30


async def test_without_a_budget_nothing_is_counted(
    answers: aioresponses, connect: Callable[..., Client], budget: FakeBudget
) -> None:
    """An API that has no daily limit costs no write a request."""
    answers.get(LEADS, payload={})
    await connect(daily=None).get("leads")
    assert budget.spent == {}


async def test_post_has_the_same_manners(answers: aioresponses, client: Client, budget: FakeBudget) -> None:
    """What is sent is counted like what is read, and an error says whether it may have been taken all the same."""
    answers.post(LEADS, payload={"id": 1})
    answers.post(LEADS, exception=aiohttp.ServerDisconnectedError())
    answers.post(LEADS, exception=NO_ANSWER[0][0])
    assert (await client.post("leads", b"{}")).body() == b'{"id": 1}'
    outcomes: list[Any] = []
    for _ in range(2):
        with pytest.raises(Transient) as told:
            await client.post("leads", b"{}")
        outcomes.append(told.value.unanswered)
    assert outcomes == [True, False]
    assert budget.spent == {("azur", "2026-11-21"): 3}
