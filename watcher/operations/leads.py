"""A lead created in Apimo."""

from __future__ import annotations

import uuid
from typing import Any

from watcher.app import Core, poster
from watcher.errors import Permanent, Transient
from watcher.kinds import Id
from watcher.operations.kit import Refused
from watcher.sinks import apimo_lead
from watcher.toml import absent

LEAD_WITHIN = 30.0
"""Seconds that Apimo has to answer to a new lead."""


async def lead_create(
    core: Core, *, account: str, agency: str, fields: dict[str, str], dry: bool = False
) -> dict[str, Any]:
    """Create a lead in Apimo, in turn with the account's polls and within its budget; `dry` only says what it would be.

    Without a reference of its own it gets a new one.
    """
    accounts = core.parts.config.accounts
    if account not in accounts:
        raise Refused(absent("account", account, accounts))
    if (api := accounts[account].api) != "apimo":
        raise Refused(f"{account} is an account of {api}, and leads are created in Apimo")
    try:
        agency = str(Id.parse(agency))
    except ValueError as error:
        raise Refused(f"agency: {error}") from None
    if wrong := list(apimo_lead.mistakes(fields)):
        raise Refused("; ".join(wrong))
    lead = apimo_lead.document(fields, fields.get(apimo_lead.REFERENCE) or str(uuid.uuid4()), core.clock())
    asked = {"account": account, "agency": agency, "lead": lead}
    if dry:
        return {**asked, "created": False, "dry": True}
    try:
        number = await apimo_lead.create(poster(core.parts.clients), account, agency, lead, LEAD_WITHIN)
    except (Transient, Permanent) as error:
        later = isinstance(error, Transient)
        unanswered = isinstance(error, Transient) and error.unanswered
        return {**asked, "created": False, "reason": error.reason, "later": later, "unanswered": unanswered}
    return {**asked, "created": True, "id": number}
