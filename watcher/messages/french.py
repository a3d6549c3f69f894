"""What people read in French."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.messages.counts import counted
from watcher.messages.fields import CONTRACTS, LEADS, PURCHASES
from watcher.messages.french_details import DETAILS
from watcher.messages.labels import CODES, FIELDS, column
from watcher.messages.words import Said, Summaries, Timed, Trouble, Words

_EVENTS: Mapping[str, Said] = {
    # leads
    "new-lead": Said("Nouveau lead : {it}", "doublon du lead {parent}", "Rappelez dans les 5 minutes."),
    "lead-opened": Said("Lead ouvert : {it}", "agent {opened.user}"),
    "lead-assigned": Said("Lead attribué : {it}", "agent {user|assigned.user}", "À rappeler sans attendre."),
    "lead-closed": Said("Lead clos : {it}", "agent {closed.user}"),
    "lead-reassigned": Said(
        "Lead réattribué : {it}", "agent {user|assigned.user}", "Transmettez ce qui a déjà été dit au client."
    ),
    "lead-reopened": Said("Lead rouvert : {it}", "", "Reprenez contact avec le client."),
    "lead-step-changed": Said("Lead à une nouvelle étape : {it}", "étape {step}"),
    "lead-updated": Said("Lead modifié : {it}"),
    "lead-removed": Said("Lead disparu d'Apimo : {it}", "", "Si personne ne l'a supprimé, vérifiez dans Apimo."),
    # contracts
    "new-contract": Said("Nouveau {it}", "{price}"),
    "contract-offer-made": Said("Offre reçue : {it}", "{price}", "Présentez-la au propriétaire."),
    "contract-committed": Said(
        "Compromis signé : {it}", "{price}", "Notifiez-le : le délai de rétractation part du lendemain de sa réception."
    ),
    "contract-scheduled": Said(
        "Acte programmé : {it}", "{contract_scheduled_at}", "Confirmez le rendez-vous aux parties et au notaire."
    ),
    "contract-signed": Said("Acte signé : {it}", "{price}", "Facturez les honoraires."),
    "contract-collected": Said("Honoraires encaissés : {it}", "{commission}"),
    "contract-rescheduled": Said(
        "Date de l'acte changée : {it}", "{contract_scheduled_at}", "Prévenez les parties et le notaire."
    ),
    "contract-condition-dated": Said(
        "Conditions suspensives : {it}",
        "jusqu'au {condition_precedent_at}",
        "Demandez à l'acquéreur où en est son prêt avant cette date.",
    ),
    "contract-amount-changed": Said("Montants modifiés : {it}", "", "Vérifiez la facturation."),
    "contract-step-changed": Said("Contrat à une nouvelle étape : {it}", "étape {step}"),
    "contract-reverted": Said(
        "Retour en arrière : {it}", "", "Une date acquise a été effacée ou repoussée : vérifiez dans Apimo."
    ),
    "contract-updated": Said("Modification : {it}"),
    "contract-removed": Said("Disparu d'Apimo : {it}", "", "Si personne ne l'a supprimé, vérifiez dans Apimo."),
    # purchases
    "new-purchase": Said("Nouvelle réservation : {it}", "{price_including_vat}"),
    "purchase-pre-booked": Said(
        "Pré-réservation confirmée : {it}", "{price_including_vat}", "Faites signer le contrat de réservation."
    ),
    "purchase-booked": Said(
        "Réservation signée : {it}",
        "{price_including_vat}",
        "Notifiez le contrat : le délai de rétractation part du lendemain de sa réception.",
    ),
    "purchase-withdrawal-started": Said(
        "Délai de rétractation en cours : {it}",
        "jusqu'au {withdrawal_period_expires_at}",
        "Gardez le lot bloqué jusqu'à son terme.",
    ),
    "purchase-awaiting-funding": Said(
        "En attente de financement : {it}", "", "Demandez à l'acquéreur où en est son prêt."
    ),
    "purchase-notary-to-schedule": Said(
        "Rendez-vous notaire à prendre : {it}", "", "Fixez la date avec le notaire et l'acquéreur."
    ),
    "purchase-notary-scheduled": Said(
        "Rendez-vous notaire fixé : {it}", "{notary_appointment_set_at}", "Confirmez-le à l'acquéreur."
    ),
    "purchase-signed": Said("Acte de vente signé : {it}", "{price_including_vat}", "Lancez les appels de fonds."),
    "purchase-canceled": Said(
        "Vente annulée : {it}", "{cancellation_type}", "Remettez le lot en vente et prévenez le notaire."
    ),
    "purchase-notary-rescheduled": Said(
        "Rendez-vous notaire déplacé : {it}", "{notary_appointment_set_at}", "Prévenez l'acquéreur."
    ),
    "purchase-option-dated": Said(
        "Échéance d'option : {it}", "{option_expires_at}", "Relancez l'acquéreur avant cette date."
    ),
    "purchase-price-changed": Said(
        "Prix modifié : {it}", "{price_including_vat}", "Vérifiez qu'il est celui du contrat."
    ),
    "purchase-lots-changed": Said("Lots modifiés : {it}", "", "Vérifiez que le contrat dit la même chose."),
    "purchase-buyers-changed": Said("Acquéreurs modifiés : {it}", "", "Vérifiez que le contrat dit la même chose."),
    "purchase-status-changed": Said("Nouveau statut : {it}", "{status}"),
    "purchase-reverted": Said(
        "Retour en arrière : {it}", "{status}", "Une étape acquise a été défaite : vérifiez dans Adlead."
    ),
    "purchase-updated": Said("Modification : {it}"),
    "purchase-removed": Said("Réservation disparue d'Adlead : {it}", "", "Si personne ne l'a supprimée, vérifiez."),
    # any record
    "record-reappeared": Said("De retour après avoir disparu : {it}"),
    "overdue": Said("Toujours en attente : {it}", "", "À traiter maintenant."),
    "deadline-near": Said("Échéance proche : {it}"),
    "summary": Said("{count} événements en un seul message"),
}

_TROUBLES: Mapping[str, Trouble] = {
    "source-failing": Trouble(
        "Source en panne : {it}",
        "Source rétablie : {it}",
        "Rien n'est perdu : la lecture reprend d'elle-même. Vérifiez la clé d'accès si la panne dure.",
    ),
    "source-silent": Trouble(
        "Source muette : {it}",
        "Source à nouveau active : {it}",
        "Vérifiez que l'on travaille encore dans cette agence ou ce programme, et que la clé d'accès voit tout.",
    ),
    "source-quiet": Trouble(
        "Silence inhabituel : {it}",
        "À nouveau active : {it}",
        "La lecture marche, et rien ne vient. Vérifiez formulaires et portails, et que la clé d'accès voit tout.",
    ),
    "source-drifted": Trouble(
        "Données d'une forme inattendue : {it}",
        "Données à nouveau comme attendu : {it}",
        "Ce qui n'est pas compris est ignoré. Vérifiez les droits de la clé d'accès et la version de watcher.",
    ),
    "removals-held": Trouble(
        "Disparitions à confirmer : {it}",
        "Disparitions réglées : {it}",
        "Si elles sont voulues : watcher confirm {it}",
    ),
    "budget-low": Trouble(
        "Requêtes du jour presque épuisées : {it}",
        "Requêtes à nouveau disponibles : {it}",
        "Les lectures sont espacées jusqu'à minuit. Allongez les intervalles (every) ou demandez un quota plus large.",
    ),
    "sink-failing": Trouble(
        "Envoi en panne : {it}",
        "Envoi rétabli : {it}",
        "Les messages attendent. Vérifiez l'adresse et le secret, puis : watcher sink test {it}",
    ),
    "store-failing": Trouble(
        "Base de données en panne : {it}",
        "Base de données rétablie : {it}",
        "Vérifiez la place sur le disque et les droits du fichier.",
    ),
}

_TIMED = Timed(
    unanswered="Lead sans réponse : {it}",
    answer="Rappelez maintenant.",
    no_sequel="{}, sans suite : {{it}}",
    waited="depuis {}",
    since="En attente depuis",
    not_yet="Pas encore",
    steps={"opened": "ouvert", "assigned": "attribué"},
    still="dure encore, depuis {}",
    deadline="{what}{when} : {it}",
    passed="Date passée, {what}{when} : {it}",
    after_it="Voyez où en est le dossier.",
    now="maintenant",
    days={-1: "hier", 0: "aujourd'hui", 1: "demain"},
    late="Dit en retard",
    late_overdue="watcher était arrêté au moment prévu",
    late_deadline="watcher était arrêté au moment prévu, ou n'a connu cette date que plus tard",
    rule="Règle",
)

_SUMMARIES = Summaries(
    titles={
        "group": "{total} : {counts}",
        "digest": "Récapitulatif du {day} : {total}",
        "flood": "Beaucoup d'événements à la fois : {count} de plus, en un seul message",
        "throttle": "Beaucoup d'événements à la fois : {count} de plus, en un seul message",
        "silence": "Silence terminé : {held}{comment}",
        "hours": "Pendant la fermeture : {counts}",
    },
    events=("événement", "événements"),
    others=("autre", "autres"),
    held=("message retenu", "messages retenus"),
    other_kinds="Autres",
    silence={"author": "Silence posé par", "comment": "Motif"},
    where="La liste complète, pour l'informatique : watcher events --in {id}",
)

FRENCH = Words(
    language="fr",
    events=_EVENTS,
    troubles=_TROUBLES,
    fields=column(FIELDS, 0),
    items={
        CONTRACTS: {"contacts": "Contact {}", "entries": "Intervenant {}"},
        PURCHASES: {"lots": "Lot {}", "contacts": "Acquéreur {}"},
    },
    nouns={LEADS: "lead {}", CONTRACTS: "contrat {}", PURCHASES: "réservation {}"},
    places={
        LEADS: ("Agence", "agence {}"),
        CONTRACTS: ("Agence", "agence {}"),
        PURCHASES: ("Programme", "programme {}"),
    },
    codes=column(CODES, 0),
    counted=counted(0),
    timed=_TIMED,
    summaries=_SUMMARIES,
    details=DETAILS,
    unknown="{} : {{it}}",
    quote="«\u00a0{}\u00a0»",
    duplicate="Voyez avec l'agent qui suit le premier lead avant d'appeler.",
    lots="lot{} {}",
    agent="agent {}",
    lasted="A duré",
    since="Depuis",
    detail="Détail",
    more=("… et {} autre", "… et {} autres"),
    yes="oui",
    no="non",
    added="ajouté",
    removed="retiré",
    changed="modifié",
    erased="effacé",
    thousands="\u202f",
    decimal=",",
    money="{0}\u00a0{1}",
    code_gap="",
    percent="{}\u00a0%",
    span="{} à {}",
    from_on="à partir de {}",
    up_to="jusqu'à {}",
    months=(
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
    months_short=(
        "janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
    ),
    first_of_month="1er",
    moment="{} à {}",
    units=("j", "h", "min"),
    just_now="à l'instant",
    ago="il y a {}",
    ahead="dans {}",
)  # fmt: skip
