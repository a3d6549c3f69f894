"""What is asked and what is answered, as values; and the words both vendors have for errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

Api = Literal["apimo", "adlead"]
JSON_TYPES: Mapping[Api, str] = {"apimo": "application/json; charset=utf-8", "adlead": "application/json"}
APIS: tuple[Api, ...] = ("apimo", "adlead")
LONGEST_NUMBER = 19  # digits of the largest number of 64 bits
LIST_KEYS = ("leads", "contracts", "requests", "agencies", "data")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as an API looks at it."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""

    @property
    def api(self) -> Api:
        """Adlead lives under /v1, Apimo everywhere else."""
        return "adlead" if self.parts[:1] == ("v1",) else "apimo"

    @property
    def parts(self) -> tuple[str, ...]:
        """The path without its slashes."""
        return tuple(self.path.strip("/").split("/"))

    def number(self, name: str, default: int) -> int:
        """Return a query parameter that should be a whole number, or the default, as PHP does."""
        text = self.query.get(name, "").strip()
        return (
            int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < LONGEST_NUMBER else default
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a JSON value, or `raw` bytes that stand in its place."""

    api: Api
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""  # left out: the vendor's own for JSON
    raw: bytes | None = None

    @property
    def list_key(self) -> str | None:
        """Where the records are, in an answer that lists records."""
        if self.status != HTTPStatus.OK or not isinstance(self.body, dict):
            return None
        return next((key for key in LIST_KEYS if isinstance(self.body.get(key), list)), None)


MESSAGES: Mapping[Api, Mapping[int, str]] = {
    "apimo": {
        400: "Bad Request",
        401: "Unauthorized",
        403: "Access to this agency is denied",
        404: "Not Found",
        405: "Method Not Allowed",
        422: "The given data was invalid.",
        429: "Too Many Requests",
        500: "Internal Server Error",
        503: "Service Unavailable",
    },
    "adlead": {
        401: "Unauthenticated.",
        403: "La clé API fournie n'est pas valide.",
        404: "Not found.",
        405: "The method is not supported for this route.",
        422: "The given data was invalid.",
        429: "Trop de requêtes, veuillez réessayer dans 60 seconde(s).",
        500: "Server Error",
        503: "Service Unavailable",
    },
}


def error(
    api: Api,
    status: int,
    message: str | None = None,
    *,
    errors: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an error in the vendor's own shape, by default with the vendor's own words."""
    text = message if message is not None else MESSAGES[api].get(status, "Error")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and errors is None:
        errors = {"reference" if api == "apimo" else "page": ["This value is not valid."]}
    if api == "adlead":
        body = {"success": False, "message": text, "data": None, "errors": errors}
    else:
        body = {"message": text} | ({"errors": errors} if errors else {})
    return Answer(api, status, body, dict(headers or {}))


def too_many(wait: int) -> str:
    """Return Adlead's message of a 429: the seconds are to be found in the text."""
    return f"Trop de requêtes, veuillez réessayer dans {wait} seconde(s)."
