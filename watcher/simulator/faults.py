"""Faults that can be switched on: which there are, what they take, and when they strike."""

import base64
from asyncio import Event
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any, cast

from watcher.simulator.answers import APIS, Api, Call
from watcher.simulator.world import World

NUMBER = (int, float)
LIST_OR_TEXT = (list, tuple)

# Every kind and the arguments it takes, with their types.
KINDS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    # another answer in the place of the right one
    "status": {"code": int, "message": str, "headers": dict},
    "retry-after": {"form": str, "seconds": int, "code": int},
    "html": {"code": int},
    "empty-body": {"code": int},
    "null-body": {"code": int},
    "raw-body": {"base64": str, "code": int, "content_type": str, "headers": dict},
    "redirect": {"to": str, "code": int},
    "success-false": {"message": str},
    # the right answer, sent wrongly
    "truncated": {"keep": NUMBER},
    "reset": {},
    "hang": {"seconds": NUMBER},
    "drip": {"every": NUMBER, "bytes": int},
    "gzip-bomb": {"bytes": int},
    "endless": {},
    # the right answer, with something wrong in it
    "partial": {"fields": LIST_OR_TEXT},
    "rename-list-key": {"to": str},
    "empty-list": {"keep_total": bool},
    "total-lies": {"by": int, "total": int},
    "timestamp-lies": {"value": (int, str, type(None))},
    "duplicate-in-page": {},
    "shuffle": {},
    "retype": {},
    "list-as-object": {},
    # another question answered than the one that was asked
    "per-page-ignored": {},
    "clamp-limit": {"limit": int},
    "page-ignored": {},
    "stale": {},
}
RETRY_FORMS = ("seconds", "date", "text", "garbage", "absent")
NOT_PROCESSED = ("status", "retry-after", "redirect", "reset", "hang")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a `kind`, for requests to `api` (None: either) by `method` (None: any) whose path fits `path`.

    The glob is held against the path alone and against the path with its query. The first `skip` requests
    that match are spared, the next `times` struck (None: all, until it is cleared). `args` are the kind's own.
    """

    kind: str
    api: Api | None = None
    path: str = "*"
    times: int | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = None
    skip: int = 0

    def __post_init__(self) -> None:
        """Refuse what no request could make sense of."""
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.api not in (None, *APIS):
            raise ValueError(f"no api {self.api!r}; there are {', '.join(APIS)}")
        path, args = cast("object", self.path), cast("object", self.args)  # JSON may say anything
        if not isinstance(path, str) or not isinstance(args, Mapping):
            raise ValueError("path is a glob and args is an object")
        for name, value, least in (("times", self.times, 1), ("skip", self.skip, 0)):
            if value is not None and (type(value) is not int or value < least):
                raise ValueError(f"{name} is a whole number of at least {least}")
        _check(self.kind, self.args)

    @classmethod
    def raw(cls, body: bytes, *, api: Api | None = None, path: str = "*", times: int | None = None) -> "Fault":
        """Return the fault that answers exactly these bytes, as JSON with status 200."""
        return cls("raw-body", api, path, times, {"base64": base64.b64encode(body).decode()})

    @classmethod
    def from_json(cls, value: object) -> "Fault":
        """Read a fault from its JSON form; ValueError says what is wrong with it."""
        if not isinstance(value, dict) or "kind" not in value:
            raise ValueError('a fault is an object such as {"kind": "status", "args": {"code": 503}}')
        unknown = value.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise ValueError(
                f"a fault has no {', '.join(sorted(unknown))}; it has {', '.join(cls.__dataclass_fields__)}"
            )
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @property
    def processed(self) -> bool:
        """Whether the request does its work before the fault strikes: a posted lead is then taken."""
        usual = self.kind not in NOT_PROCESSED or (self.kind == "hang" and "seconds" in self.args)
        return bool(self.args.get("processed", usual))


def _check(kind: str, args: Mapping[str, Any]) -> None:
    known = {**KINDS[kind], "processed": bool}
    for name, value in args.items():
        if name not in known:
            raise ValueError(f"{kind} has no argument {name!r}; it has {', '.join(known)}")
        wanted = known[name]
        flag = isinstance(value, bool) and wanted is not bool
        if flag or not isinstance(value, wanted):
            raise ValueError(f"{kind}: {name} cannot be {value!r}")
    if kind == "retry-after" and args.get("form", "seconds") not in RETRY_FORMS:
        raise ValueError(f"retry-after: form is one of {', '.join(RETRY_FORMS)}")
    if kind == "raw-body":
        try:
            base64.b64decode(args.get("base64", ""), validate=True)
        except ValueError as error:
            raise ValueError(f"raw-body: base64 is not base64: {error}") from None


@dataclass(slots=True)
class Active:
    """A fault that was switched on, and how many requests it still spares and strikes."""

    id: int
    fault: Fault
    skip: int
    left: int | None
    random: Random
    then: World | None = None  # the world at switch-on, for an answer that is stale
    over: Event = field(default_factory=Event)  # set when it is cleared: what hangs in it lets go

    def strikes(self, call: Call) -> bool:
        """Tell whether this request is struck, and count it."""
        fault = self.fault
        if self.left == 0 or fault.api not in (None, call.api) or fault.method not in (None, call.method):
            return False
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        if not any(fnmatchcase(path, fault.path) for path in (call.path, f"{call.path}?{query}")):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """The faults that are on."""

    def __init__(self, world: World) -> None:
        """Begin without any."""
        self._world = world
        self._active: dict[int, Active] = {}
        self._last = 0

    def add(self, fault: Fault) -> int:
        """Switch a fault on; return the id to clear it by."""
        self._last += 1
        then = self._world.freeze() if fault.kind == "stale" else None
        random = Random(f"fault {self._last}")  # noqa: S311 - repeatable, not secret
        self._active[self._last] = Active(self._last, fault, fault.skip, fault.times, random, then)
        return self._last

    def clear(self, fault_id: int | None = None) -> None:
        """Switch one off, or all; KeyError when there is none of this id. What hangs in it lets go."""
        gone = list(self._active) if fault_id is None else [fault_id]
        for one in gone:
            self._active.pop(one).over.set()

    def listed(self) -> list[dict[str, Any]]:
        """Return the JSON forms of all that were not cleared, with `id` and how many requests are `left`."""
        return [{"id": one.id, "left": one.left, **one.fault.to_json()} for one in self._active.values()]

    def strike(self, call: Call) -> list[Active]:
        """Return the faults that strike this request, oldest first, and count it in each."""
        return [one for one in self._active.values() if one.strikes(call)]
