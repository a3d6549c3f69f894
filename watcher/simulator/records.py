"""Plausible records, each as its vendor writes them: Apimo's leads and contracts, Adlead's purchases."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from watcher.simulator.times import iso, paris

Record = dict[str, Any]

LASTNAMES = ("MARTIN", "DUPONT", "DURAND", "PAGES", "PETIT", "MOREAU", "LEROY", "ROUX", "FAURE", "GIRARD")
FIRSTNAMES = ("Jean", "Monique", "Tristan", "Aurélie", "Marc", "Camille", "Louise", "Hugo", "Inès", "Paul")
CITIES = (("Lyon", "69002"), ("Cannes", "06400"), ("Nice", "06000"), ("Nantes", "44000"), ("Lille", "59800"))
STREETS = ("boulevard Barbier", "rue d'Antibes", "avenue des Pins", "quai du Port", "place de la Gare")
MESSAGES = (
    "Bonjour, ce bien est-il toujours disponible ?",
    "Je souhaite visiter samedi matin.",
    "Pouvez-vous me rappeler après 18 h ?",
    "Hello, please can you call me back.",
)
AGENTS = ("301", "302", "303", "304")
OWNERS = (("Jean", "Dupont"), ("Claire", "Bernard"), ("Karim", "Petit"))


def chance(random: Random, share: float) -> bool:
    """Return True that often."""
    return random.random() < share


def mobile(random: Random) -> str:
    """Return a number of the range kept for fiction, as in films."""
    return f"+3363998{random.randrange(10_000):04d}"


def landline(random: Random) -> str:
    """Return a land line of the range kept for fiction."""
    return f"+3319900{random.randrange(10_000):04d}"


def email(random: Random, firstname: str, lastname: str) -> str:
    """Return an address that reaches nobody."""
    plain = f"{firstname}.{lastname}".lower().translate(str.maketrans("éèï ", "eei-"))
    return f"{plain}{random.randrange(100)}@example.com"


def lead(
    random: Random, at: datetime, *, provider: str = "9999", parent: int | None = None, details: bool = True
) -> Record:
    """Return a lead as Apimo lists it; one without `details` was a bare call: no property, no message."""
    lastname, firstname = random.choice(LASTNAMES), random.choice(FIRSTNAMES)
    record: Record = {
        "parent": parent,
        "provider": int(provider) if provider.isdecimal() else provider,
        "type": random.choice(("1", "1", "1", "2", "3")),
        "step": "1",
        "date": paris(at - timedelta(minutes=random.randrange(10))),
        "reference": f"XYZ{random.randrange(10_000):04d}",
        "lastname": lastname,
        "firstname": firstname,
        "email": email(random, firstname, lastname) if chance(random, 0.8) else "",
        "phone": landline(random) if chance(random, 0.5) else "",
        "fax": "",
        "mobile": mobile(random),
        "contact": str(random.randrange(4_000_000, 5_000_000)),
        "request": None,
    }
    if details:
        record["language"] = random.choice(("fr", "fr", "fr", "en", "de"))
        record["property"] = str(random.randrange(80_000, 90_000))
        record["message"] = random.choice(MESSAGES)
    return record | {"created_at": paris(at), "updated_at": paris(at)}


def contract(random: Random, at: datetime, *, agency: str = "101") -> Record:
    """Return a contract as Apimo lists it, new: a project, its dates still to come."""
    price = random.randrange(180, 900) * 1000
    return {
        "step": "1",
        "agency": int(agency) if agency.isdecimal() else agency,
        "property": str(random.randrange(80_000, 90_000)),
        "currency": "EUR",
        **amounts(price, rate=random.choice((4, 4.5, 5, 6))),
        "deposit": 0,
        "project_at": paris(at),
        "contacts": [
            {"contact": str(random.randrange(4_000_000, 4_500_000)), "type": "1"},
            {"contact": str(random.randrange(4_500_000, 5_000_000)), "type": "2"},
        ],
        "entries": [entry(random, price * 0.02)],
        "comment": "",
        "created_at": paris(at),
        "updated_at": paris(at),
    }


def amounts(price: float, rate: float) -> Record:
    """Return what a contract says of money, for a price and a commission of `rate` per cent of it."""
    commission = round(price * rate / 100, 2)
    return {
        "price": price,
        "price_net": round(price - commission, 2),
        "commission": commission,
        "commission_agency": commission,
        "commission_owner": commission,
        "commission_customer": 0,
        "vat": round(commission - commission / 1.2, 2),
        "vat_rate": 20,
    }


def entry(random: Random, amount: float) -> Record:
    """Return an agent's share of a contract's commission."""
    return {
        "id": random.randrange(10_000, 99_999),
        "user": random.choice(AGENTS),
        "amount": round(amount, 2),
        "vat": round(amount - amount / 1.2, 2),
        "vat_rate": 20,
        "type": "9",
    }


def purchase(random: Random, at: datetime) -> Record:
    """Return a purchase as Adlead lists it, new: a pre-booking that waits, under an option of three days."""
    first = random.randrange(1_000, 900_000)
    price = random.randrange(150_000, 600_000)
    owner = random.randrange(len(OWNERS))
    firstname, name = OWNERS[owner]
    return {
        "lead_id": random.randrange(1_000, 99_999),
        "owner": {
            "id": owner + 1,
            "fullname": f"{firstname} {name}",
            "shortname": f"{firstname[0]}. {name}",
            "email": f"{firstname}.{name}@promoteur.example".lower(),
        },
        "vat_rate": 20,
        "deposit_amount": random.choice((1500, 2000, 3000, 5000)),
        "price_including_vat": price,
        "cancellation_type": None,
        "contacts": [buyer(random, first + n, at) for n in range(random.choice((1, 2)))],
        "lots": [lot(random, first, at, price)],
        "option_expires_at": iso(at + timedelta(days=3)),
        "pre_booking_confirmed_at": None,
        "booking_contract_signed_at": None,
        "withdrawal_period_expires_at": None,
        "notary_appointment_set_at": None,
        "sale_deed_signed_at": None,
        "canceled_at": None,
        "status": "pending-pre-booking",
        "updated_at": iso(at),
    }


def lot(random: Random, lot_id: int, at: datetime, price: float) -> Record:
    """Return the flat that a purchase is about."""
    rooms = random.choice((2, 3, 4))
    return {
        "id": lot_id,
        "reference": f"{random.choice('ABC')}{random.randrange(1, 5)}{random.randrange(1, 20):02d}",
        "is_primary": True,
        "type": "apartment",
        "type_display": "Appartement",
        "typology": f"T{rooms}",
        "typology_display": f"{rooms} pièces",
        "subtype": None,
        "subtype_display": None,
        "vat_rate": 20,
        "discount_including_vat": None,
        "price_excluding_vat": round(price / 1.2, 2),
        "price_including_vat": price,
        "discounted_price_including_vat": price,
        "status": "option",
        "status_display": "En option",
        "updated_at": iso(at),
    }


def buyer(random: Random, buyer_id: int, at: datetime) -> Record:
    """Return one of the people who buy."""
    title, title_display = random.choice((("mr", "Monsieur"), ("ms", "Madame")))
    lastname, firstname = random.choice(LASTNAMES).capitalize(), random.choice(FIRSTNAMES)
    city, zipcode = random.choice(CITIES)
    residence, residence_display = random.choice((("owner", "Propriétaire"), ("other", "Autre")))
    return {
        "id": buyer_id,
        "title": title,
        "title_display": title_display,
        "name": lastname,
        "firstname": firstname,
        "email1": email(random, firstname, lastname),
        "email2": None,
        "phone1": mobile(random),
        "phone2": landline(random) if chance(random, 0.3) else None,
        "city": city,
        "zipcode": zipcode,
        "country": "FR",
        "address1": f"{random.randrange(1, 120)}, {random.choice(STREETS)}",
        "address2": None,
        **_company(),
        **_life(random),
        "primary_residence": residence,
        "primary_residence_display": residence_display,
        **_means(random),
        "updated_at": iso(at),
    }


def _company() -> Record:
    return {"legal_entity": False, "legal_status": None, "company_name": None, "company_siret": None}


def _life(random: Random) -> Record:
    return {
        "resides_since": random.randrange(1995, 2024),
        "optin_email": chance(random, 0.5),
        "optin_phone": chance(random, 0.5),
        "optin_sms": False,
        "birthdate": f"{random.randrange(1955, 2003)}-{random.randrange(1, 13):02d}-{random.randrange(1, 29):02d}",
        "birthplace": random.choice(("Fleuryboeuf", "Robin-sur-Mer", "Sainte-Aulne")),
        "nationality": "FR",
        "marital_status": "civil",
        "marital_status_display": "Pacsé(e)",
        "profession": None,
        "vehicles": random.randrange(4),
        "children": random.randrange(4),
    }


def _means(random: Random) -> Record:
    return {
        "own_secondary_residence": chance(random, 0.2),
        "first_time_homeowner": chance(random, 0.5),
        "has_already_invested": chance(random, 0.3),
        "has_already_invested_comment": None,
        "bank_name": random.choice((None, "Banque des Exemples")),
        "insurance_name": random.choice((None, "Assurance des Exemples")),
        "has_broker": chance(random, 0.4),
    }
