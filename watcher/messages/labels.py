"""What fields and codes are called, in French and in English: one row each, so that neither language lacks one.

The rows of a stream are worthiest first, which is also the order of the lines of a message. Statuses and reasons are
called what the vendor's annex calls them.
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.messages.fields import CONTRACTS, LEADS, PURCHASES

Rows = Mapping[str, Mapping[str, tuple[str, str]]]

FIELDS: Rows = {
    LEADS: {
        "step": ("Étape", "Step"),
        "user": ("Agent", "Agent"),
        "assigned": ("Attribué", "Assigned"),
        "assigned.user": ("Attribué à l'agent", "Assigned to agent"),
        "opened": ("Ouvert", "Opened"),
        "opened.user": ("Ouvert par l'agent", "Opened by agent"),
        "closed": ("Clos", "Closed"),
        "closed.user": ("Clos par l'agent", "Closed by agent"),
        "lastname": ("Nom", "Last name"),
        "firstname": ("Prénom", "First name"),
        "phone": ("Téléphone", "Telephone"),
        "mobile": ("Mobile", "Mobile"),
        "email": ("E-mail", "E-mail"),
        "message": ("Message", "Message"),
        "property": ("Bien", "Property"),
        "criteria": ("Recherche", "Looking for"),
        "criteria.price": ("Budget", "Budget"),
        "criteria.price.min": ("Budget à partir de", "Budget from"),
        "criteria.price.max": ("Budget jusqu'à", "Budget up to"),
        "criteria.price.currency": ("Devise du budget", "Currency of the budget"),
        "criteria.area": ("Surface", "Area"),
        "criteria.area.min": ("Surface à partir de", "Area from"),
        "criteria.area.max": ("Surface jusqu'à", "Area up to"),
        "criteria.room": ("Pièces", "Rooms"),
        "criteria.room.min": ("Pièces à partir de", "Rooms from"),
        "criteria.room.max": ("Pièces jusqu'à", "Rooms up to"),
        "criteria.bedroom": ("Chambres", "Bedrooms"),
        "criteria.bedroom.min": ("Chambres à partir de", "Bedrooms from"),
        "criteria.bedroom.max": ("Chambres jusqu'à", "Bedrooms up to"),
        "criteria.cities": ("Villes", "Towns"),
        "criteria.locations": ("Lieux", "Places"),
        "criteria.category": ("Catégorie recherchée", "Category looked for"),
        "criteria.types": ("Types recherchés", "Types looked for"),
        "criteria.subtype": ("Sous-type recherché", "Subtype looked for"),
        "reference": ("Référence", "Reference"),
        "parent": ("Doublon du lead", "Duplicate of lead"),
        "language": ("Langue", "Language"),
        "date": ("Date de contact", "Date of contact"),
        "type": ("Type", "Type"),
        "fax": ("Fax", "Fax"),
        "contact": ("Contact", "Contact"),
        "request": ("Demande", "Request"),
        "provider": ("Fournisseur", "Provider"),
        "agency": ("Agence", "Agency"),
        "created_at": ("Créé", "Created"),
        "updated_at": ("Mis à jour", "Updated"),
    },
    CONTRACTS: {
        "step": ("Étape", "Step"),
        "price": ("Prix", "Price"),
        "price_net": ("Net au propriétaire", "Net to the owner"),
        "commission": ("Honoraires", "Fees"),
        "commission_agency": ("Honoraires de l'agence", "Fees of the agency"),
        "commission_owner": ("Honoraires à charge du propriétaire", "Fees paid by the owner"),
        "commission_customer": ("Honoraires à charge du client", "Fees paid by the client"),
        "vat": ("TVA", "VAT"),
        "vat_rate": ("Taux de TVA", "VAT rate"),
        "deposit": ("Dépôt de garantie", "Deposit"),
        "currency": ("Devise", "Currency"),
        "contract_at": ("Acte signé", "Deed signed"),
        "contract_scheduled_at": ("Acte prévu", "Deed planned"),
        "commitment_at": ("Compromis", "Preliminary contract"),
        "condition_precedent_at": ("Fin des conditions suspensives", "End of the conditions precedent"),
        "offer_at": ("Offre", "Offer"),
        "collected_at": ("Encaissement", "Collection"),
        "project_at": ("Projet", "Project"),
        "legal_notice_at": ("Notification légale", "Legal notice"),
        "property": ("Bien", "Property"),
        "contacts": ("Contacts", "Contacts"),
        "entries": ("Intervenants", "Participants"),
        "comment": ("Commentaire", "Comment"),
        "agency": ("Agence", "Agency"),
        "created_at": ("Créé", "Created"),
        "updated_at": ("Mis à jour", "Updated"),
    },
    PURCHASES: {
        "status": ("Statut", "Status"),
        "cancellation_type": ("Motif", "Reason"),
        "canceled_at": ("Annulation", "Cancellation"),
        "sale_deed_signed_at": ("Acte signé", "Deed signed"),
        "notary_appointment_set_at": ("Rendez-vous notaire", "Notary appointment"),
        "booking_contract_signed_at": ("Contrat de réservation signé", "Reservation contract signed"),
        "withdrawal_period_expires_at": ("Fin du délai de rétractation", "End of the withdrawal period"),
        "pre_booking_confirmed_at": ("Pré-réservation confirmée", "Pre-booking confirmed"),
        "option_expires_at": ("Fin de l'option", "End of the option"),
        "price_including_vat": ("Prix TTC", "Price incl. VAT"),
        "deposit_amount": ("Dépôt de garantie", "Deposit"),
        "vat_rate": ("TVA", "VAT"),
        "lots": ("Lots", "Lots"),
        "lots.status": ("Statut", "Status"),
        "lots.price_including_vat": ("Prix TTC", "Price incl. VAT"),
        "lots.discounted_price_including_vat": ("Prix TTC remisé", "Discounted price incl. VAT"),
        "lots.discount_including_vat": ("Remise TTC", "Discount incl. VAT"),
        "lots.price_excluding_vat": ("Prix HT", "Price excl. VAT"),
        "lots.vat_rate": ("TVA", "VAT"),
        "lots.reference": ("Référence", "Reference"),
        "lots.is_primary": ("Lot principal", "Main lot"),
        "lots.type": ("Type", "Type"),
        "lots.typology": ("Typologie", "Typology"),
        "lots.subtype": ("Sous-type", "Subtype"),
        "contacts": ("Acquéreurs", "Buyers"),
        "owner": ("Suivi par", "In charge"),
        "owner.fullname": ("Suivi par", "In charge"),
        "owner.shortname": ("Suivi par (abrégé)", "In charge (short)"),
        "owner.email": ("Suivi par (e-mail)", "In charge (e-mail)"),
        "owner.id": ("Suivi par (numéro)", "In charge (number)"),
        "lead_id": ("Lead", "Lead"),
        "updated_at": ("Mis à jour", "Updated"),
    },
}
"""The labels of a stream's fields, by path without the keys of list members."""

CODES: Rows = {
    "status": {
        "pending-pre-booking": ("Pré-réservation en attente", "Pre-booking pending"),
        "pre-booked": ("Pré-réservé", "Pre-booked"),
        "booked": ("Réservé", "Booked"),
        "withdrawal-period": ("Période de rétractation", "Withdrawal period"),
        "awaiting-funding": ("En attente de financement", "Awaiting funding"),
        "notary-appointment-to-be-set": ("Signature notaire à planifier", "Notary appointment to be set"),
        "notary-appointment-set": ("Signature notaire planifiée", "Notary appointment set"),
        "canceled": ("Réservation annulée", "Reservation canceled"),
        "signed": ("Acte de vente signé", "Deed of sale signed"),
    },
    "cancellation_type": {
        "withdrawal-period": ("Délai de rétractation", "Withdrawal period"),
        "funding-refused": ("Refus de crédit", "Loan refused"),
        "other": ("Autre motif", "Other reason"),
    },
    "type": {
        "apartment": ("Appartement", "Apartment"),
        "house": ("Maison", "House"),
        "parking": ("Parking", "Parking space"),
    },
}
"""The labels of a field's values, by the last name of its path."""


def column(rows: Rows, place: int) -> Mapping[str, Mapping[str, str]]:
    """One language of the rows: 0 is French, 1 is English."""
    return {name: {key: row[place] for key, row in inner.items()} for name, inner in rows.items()}
