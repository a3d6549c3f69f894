"""What is wrong, in French: the details of troubles are written in English where they arise.

A pattern stands for the whole of a detail or for a part of it. Of its groups, `why...` are parts that are translated in
turn, `said...` are somebody else's words, `when` is a moment, `factor` a number with decimals; others are taken as they
are (`troubles.translated`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_STATUS: Mapping[str, str] = {
    "400": "requête refusée",
    "401": "accès refusé",
    "403": "accès refusé",
    "404": "introuvable",
    "408": "délai dépassé",
    "410": "supprimé pour de bon",
    "413": "trop volumineux",
    "422": "requête refusée",
    "429": "trop de requêtes",
    "500": "erreur du serveur",
    "502": "serveur indisponible",
    "503": "serveur indisponible",
    "504": "serveur trop lent",
}

_CODE = r"\((?P<code>-?\d+)\)"

_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")

_PATTERNS: Mapping[str, str] = {
    # what was answered, or was not
    **{f"HTTP {code}": f"HTTP {code} ({words})" for code, words in _STATUS.items()},
    r"HTTP (?P<code>\d{3})": "HTTP {code}",
    r"(?P<why>HTTP 3\d\d): redirected; not followed": "{why} : l'adresse renvoie ailleurs, où l'on n'est pas allé",
    r"(?P<why>HTTP \d{3}) (?P<word>[a-z_]+)": "{why}, {word}",
    r"(?P<why1>HTTP \d{3}(?: [a-z_]+)?): (?P<why2>.+)": "{why1} : {why2}",
    r"(?P<why>.+) \(given up after (?P<n>\d+) attempts\)": "{why} (abandonné après {n} essais)",
    r"no answer: (?P<why>.+)": "pas de réponse : {why}",
    r"no answer \((?P<word>\w+)\)": "pas de réponse ({word})",
    r"no connection: (?P<why>.+)": "pas de connexion : {why}",
    r"no connection \((?P<word>\w+)\)": "pas de connexion ({word})",
    r"no connection": "pas de connexion",
    r"time-out": "délai dépassé",
    r"not within (?P<n>[\d.]+) s": "rien en {n} s",
    r"its name is not known|the name of its host is not known": "son nom est inconnu (DNS)",
    r"no secure connection": "pas de connexion sécurisée",
    r"the connection was closed": "la connexion a été fermée",
    r"it broke off": "la réponse s'est interrompue",
    r"what came is not HTTP": "ce qui est venu n'est pas du HTTP",
    r"[Cc]onnection refused": "connexion refusée",
    r"[Cc]onnection reset by peer": "connexion coupée par l'autre côté",
    r"[Nn]etwork is unreachable": "réseau injoignable",
    r"[Nn]o route to host": "machine injoignable",
    r"the vendor asked us to wait": "l'éditeur demande d'attendre",
    r"the answer is over (?P<n>\d+) MiB": "la réponse dépasse {n} Mio",
    r"unreadable answer: .*": "réponse illisible",
    r"the answer has no list of (?P<name>.+)": "la réponse n'a pas de liste {name}",
    r"the answer says that it failed": "la réponse dit que la demande a échoué",
    r"the answer says that it failed: (?P<said>.+)": "la réponse dit que la demande a échoué : {said}",
    r"none of (?P<n>\d+) records can be read: (?P<why>.+)": "aucune des {n} fiches n'est lisible : {why}",
    r"the day's budget of (?P<n>\d+) requests is spent": "les {n} requêtes du jour sont épuisées",
    # what to do about it
    r"check the secret and the address": "vérifiez le secret et l'adresse",
    r"nothing is there: check the address": "il n'y a rien à cette adresse : vérifiez-la",
    r"it is gone for good: put in a new address": "l'adresse ne sert plus : mettez-en une nouvelle",
    r"it redirects: put in its new address": "l'adresse a changé : mettez la nouvelle",
    r"its address cannot be used: check it": "son adresse est inutilisable : vérifiez-la",
    r"its certificate was refused: it has expired, or is not for that host": "son certificat est refusé : "
    "il a expiré, ou n'est pas pour cette machine",
    r"paused: (?P<why>.+); mend it, then `(?P<command>[^`]+)`": "suspendu : {why} ; réparez, puis : {command}",
    r"refused for now: (?P<said>.+)": "refusé pour l'instant : {said}",
    rf"the server refuses the message(?: for now)? {_CODE}": "le serveur refuse le message ({code})",
    rf"the server refuses the login(?: for now)? {_CODE}": "le serveur refuse l'identification ({code})",
    rf"the server refuses the connection or the sender(?: for now)? {_CODE}": "le serveur refuse la connexion ou "
    "l'expéditeur ({code})",
    r"not written: (?P<why>.+)": "pas écrit : {why}",
    r"No space left on device|database or disk is full": "plus de place sur le disque",
    r"Permission denied": "accès interdit",
    r"Read-only file system": "système de fichiers en lecture seule",
    r"(?P<name>\S+) cannot be used for now: (?P<why>.+)": "{name} est inutilisable pour l'instant : {why}",
    r"disk I/O error": "erreur du disque",
    r"database is locked": "la base est occupée",
    # how sources are
    r"not read since (?P<when>[^:]+:\d\d:[\d.]+Z)": "pas de lecture depuis le {when}",
    r"not read since (?P<when>[^:]+:\d\d:[\d.]+Z): (?P<why>.+)": "pas de lecture depuis le {when} : {why}",
    r"nothing came between (?P<begin>[\d:]+) and (?P<end>[\d:]+); on the (?P<n>\d+) (?P<why>[A-Z]\w+) before, "
    r"(?P<least>\d+) to (?P<most>\d+) changes did": "rien n'est venu entre {begin} et {end} ; les {n} {why} d'avant, "
    "de {least} à {most} changements à cette heure",
    **dict(zip(_DAYS, ("lundis", "mardis", "mercredis", "jeudis", "vendredis", "samedis", "dimanches"), strict=True)),
    r"(?P<n>\d+) records are missing at once; `(?P<command>[^`]+)` if they are really gone": "{n} fiches manquent à la "
    "fois ; si elles ont vraiment disparu : {command}",
    r"(?P<name>\S+) is missing from (?P<n>\d+) records at once, or empty": "{name} manque d'un coup, ou est vide, dans "
    "{n} fiches",
    r"the list (?P<why>.+)": "la liste : {why}",
    r"record (?P<name>\S+) (?P<why>.+)": "fiche {name} : {why}",
    r"(?P<name>[\w.\[\]]+) (?P<why>(?:is no|is not|is neither|has|holds|gives)\b.*)": "{name} : {why}",
    r"is no text": "n'est pas un texte",
    r"is no number(?: that can be meant)?": "n'est pas un nombre plausible",
    r"is no id or code": "n'est ni un numéro ni un code",
    r"is no date": "n'est pas une date",
    r"is neither yes nor no": "n'est ni oui ni non",
    r"is no object(?: with an id)?": "n'est pas une fiche",
    r"is no list": "n'est pas une liste",
    r"is not understood|has nothing that is understood": "n'est pas compris",
    r"has no id|has an id that cannot be one": "est sans numéro",
    r"(?P<left>\d+) of (?P<limit>\d+) requests are left until midnight in Paris, too few for the intervals: "
    r"leads wait (?P<why1>[\w. ]+), the others (?P<why2>[\w. ]+); see `(?P<command>[^`]+)`": "il reste {left} requêtes "
    "sur {limit} jusqu'à minuit (Paris), trop peu pour le rythme voulu : attente des leads {why1}, des autres {why2} ; "
    "voyez {command}",
    r"as long as usual": "inchangée",
    r"until then": "jusqu'à minuit",
    r"(?P<factor>\d+\.\d) times as long": "multipliée par {factor}",
}

DETAILS: tuple[tuple[re.Pattern[str], str], ...] = tuple((re.compile(p), t) for p, t in _PATTERNS.items())
"""Tried in this order; the first that matches counts."""
