"""What each key of the configuration is for, in a line: what an editor shows of it, next to an example.

The shapes say which keys there are; a test demands a line here for each of them. A sink or an API from another package
says it where its settings are, with `msgspec.Meta(description=..., examples=[...])`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from watcher.shapes import (
    Group,
    Opening,
    Operator,
    Privacy,
    RetentionKeys,
    RuleKeys,
    Schedule,
    SourceKeys,
    State,
    Status,
    Top,
)
from watcher.sinks import Settings, apimo_lead, apprise, command, email, file, slack, webhook
from watcher.sources import AdleadAccount, ApimoAccount


class Key(NamedTuple):
    """What a key is for, and how it is written."""

    text: str
    example: Any = None


_BASE_URL = Key("Where the API is; left out, the vendor's own address.")
_RATE = Key("How often it may be asked at most; left out, the vendor's documented limit.")
_BUDGET = Key("How often in a day it may be asked; false for any number.", "1000/day")
_TO = Key("The sinks that are told, by their names under [sinks].", ["sales"])

KEYS: Mapping[type, Mapping[str, Key]] = {
    Top: {
        "timezone": Key("The time zone of the people who are told."),
        "language": Key("The language of the messages."),
        "rule_files": Key("Files with more [[rules]], from the directory of this one.", ["rules/*.toml"]),
        "state": Key("Where watcher keeps what it knows."),
        "accounts": Key("[accounts.NAME]: one login to one API each."),
        "sources": Key("[[sources]]: what is watched."),
        "sinks": Key("[sinks.NAME]: the places to tell."),
        "operator": Key("Who hears of watcher's own troubles."),
        "privacy": Key("Fields that are not kept, by stream; this adds to what is withheld anyway."),
        "retention": Key("For how long what is personal is kept, by stream; ids, codes, dates and amounts stay."),
        "status": Key("The pages that say how watcher fares."),
        "rules": Key("[[rules]]: which events go where, and when; tried in this order."),
    },
    State: {"path": Key("The store's file; from $STATE_DIRECTORY, else from here.")},
    ApimoAccount: {
        "api": Key("Which API the account is of."),
        "provider": Key("The number that Apimo's support gave with the token.", "9999"),
        "token": Key("Where the token is found.", {"credential": "apimo-token"}),
        "base_url": _BASE_URL,
        "max_rate": _RATE,
        "budget": _BUDGET,
    },
    AdleadAccount: {
        "api": Key("Which API the account is of."),
        "tenant": Key("The name of the client as it stands in the address of Adlead.", "client-a"),
        "key": Key("Where the key is found.", {"env": "ADLEAD_API_KEY"}),
        "base_url": _BASE_URL,
        "max_rate": _RATE,
        "budget": _BUDGET,
    },
    Schedule: {
        "every": Key("How often it is read; left out, planned from the account's budget.", "60s"),
        "baseline": Key(
            "What the first read tells: nothing (silent), all that is there (emit), or what was created since a date.",
            "2026-11-01",
        ),
        "silent_after": Key("Say so when it could not be read for so long.", "30m"),
        "reconcile": Key("How often it is read in full, to find what disappeared (Apimo).", "24h"),
        "lookback": Key("How far each read reaches back before the last one (Apimo).", "300s"),
    },
    SourceKeys: {
        "account": Key("The account to read it with, by its name under [accounts].", "azur"),
        "stream": Key("What is read: leads or contracts (Apimo), purchases (Adlead)."),
        "agencies": Key("The numbers of Apimo's agencies.", [101, 102]),
        "programs": Key("The numbers of Adlead's programmes.", [1, 2]),
    },
    Operator: {"to": Key("The sinks that hear of watcher's own troubles; left out, all of them.", ["direction"])},
    Privacy: {
        "drop": Key("Fields that are not kept at all.", ["contacts[].birthdate"]),
        "hash": Key(
            "Fields of which only a keyed hash is kept, enough to see that they changed.", ["contacts[].email1"]
        ),
    },
    RetentionKeys: {
        "sinks": Key("By the name of a sink, how long its answers and reasons are kept.", {"crm": "30d"}),
        "ceiling": Key("How long anything personal is kept at most, also of records that are not finished.", "1095d"),
    },
    Status: {
        "listen": Key('HOST:PORT on this machine, unix:/PATH, or "" for nowhere.'),
        "ping": Key("Where the address is found that gets a ping while all is well.", {"credential": "ping-url"}),
        "ping_every": Key("The time between two pings."),
    },
    Settings: {
        "type": Key("What kind of place it is."),
        "max_rate": Key("How often it may be told at most.", "5/s"),
        "at_once": Key("How many messages may be under way to it together."),
        "timeout": Key("How long one attempt may take.", "15s"),
        "personal": Key(
            "Whose personal data may go there: true for everybody's, false for nobody's; left out, people are shown "
            "that of leads but not of buyers, and machines get the events as they are."
        ),
    },
    slack.Config: {
        "url": Key("The incoming webhook of the channel; or else token and channel.", {"credential": "slack-webhook"}),
        "token": Key(
            "The token of a bot, which puts what is about one record in one thread.", {"credential": "slack-token"}
        ),
        "channel": Key("Beside token: the channel's id, as it stands at the end of its details.", "C0123"),
        "base_url": Key("Where Slack's API is."),
    },
    email.Config: {
        "host": Key("The mail server.", "smtp.example.fr"),
        "port": Key("Its port; left out, 587, or 465 when tls is implicit."),
        "tls": Key("How the connection is encrypted; none is for loopback only."),
        "username": Key("The login, together with a password.", "watcher@example.fr"),
        "password": Key("Where the password is found.", {"credential": "smtp-password"}),
        "from": Key("The sender.", "Watcher <watcher@example.fr>"),
        "to": Key("The recipients.", ["direction@example.fr"]),
    },
    webhook.Config: {
        "url": Key("Where each event is posted to.", "https://crm.example.fr/hooks/watcher"),
        "secret": Key("What signs each request; a list of two while it is changed.", {"credential": "crm-secret"}),
    },
    file.Config: {"path": Key('The file that gets one event a line; "-" is standard output.', "events.jsonl")},
    command.Config: {
        "command": Key(
            "The program and its arguments; it gets the event as JSON on standard input.", ["/usr/bin/tell"]
        ),
    },
    apprise.Config: {"url": Key("The address of the service as Apprise writes it.", {"credential": "apprise-url"})},
    apimo_lead.Config: {
        "account": Key("The account of Apimo to create the lead with, by its name under [accounts].", "azur"),
        "agency": Key("The number of the agency that gets the lead.", 101),
        "fields": Key("What the lead says: a template for each of its fields.", {"lastname": "{{ record.lastname }}"}),
    },
    RuleKeys: {
        "name": Key("What the rule is for; no two rules share it.", "hot leads"),
        "on": Key(
            "The events that it hears, by type or glob; beside before, the streams whose dates it is about.",
            ["new-lead"],
        ),
        "when": Key("Only those of which this condition holds.", "record.price_including_vat > 300000"),
        "to": _TO,
        "after": Key("Tell so much later, and only if nothing has happened by then that spares it: see unless.", "15m"),
        "unless": Key(
            "Beside after: what spares the message, asked of the record as it is then.",
            "record.opened or record.assigned",
        ),
        "before": Key("Tell so long before a date of the record: see of.", "24h"),
        "of": Key("Beside before: the field that has the date.", "option_expires_at"),
        "emit": Key(
            "The type of the event that after or before tells, in place of overdue or deadline-near; other rules may "
            "hear it.",
            "lead-unanswered",
        ),
        "hours": Key("When people are there; what comes at another time waits. after counts open hours only."),
        "outside": Key("What becomes of messages at another time: they wait for the opening, or are dropped."),
        "group": Key("Several messages in one.", {"by": ["source"], "wait": "30s"}),
        "digest": Key("One message a day, at that time.", "08:30"),
        "throttle": Key("At most so many messages to a sink; what is more comes later, in one.", "10/h"),
        "flood": Key(
            "Beyond so many, people get one summary in place of single messages; false lifts it. Machines get all.",
            "20/5m",
        ),
        "title": Key(
            "The message's title in your own words: a template.", "{{ record.firstname }} {{ record.lastname }}"
        ),
        "body": Key("The message's text in your own words: a template."),
    },
    Opening: {
        "open": Key("Days and times.", "Mon-Sat 09:00-19:00"),
        "holidays": Key("Closed on the public holidays of this country, or of a part of it.", "FR"),
    },
    Group: {
        "by": Key("One message for each value of these: source, account, record.user ...", ["source"]),
        "wait": Key("How long the first message waits for others."),
        "every": Key("The least time between two messages."),
        "most": Key("Not to wait any longer when so many are there."),
    },
}


def key_of(shape: type, name: str) -> Key | None:
    """What is known of a key, of that table or of one that it builds upon."""
    return next((KEYS[base][name] for base in shape.__mro__ if name in KEYS.get(base, {})), None)
