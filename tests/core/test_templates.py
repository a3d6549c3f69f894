"""A rule's own title and body: what they write, what they refuse, and what they cost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from watcher.model import Event
from watcher.streams import catalogue
from watcher.streams.samples import SAMPLES
from watcher.templates import MOST, MOST_VALUE, Template, check_template

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
LOTS = [{"id": "41", "reference": "A313", "price_including_vat": 188882}, {"id": "52", "reference": "P12"}]


def event(stream="adlead.purchases", kind="purchase-updated", changes=(), **record):
    """An event of three minutes before noon UTC; `changes` are path -> (from, to)."""
    told = {path: {"from": was, "to": now} for path, (was, now) in dict(changes).items()}
    data = {"account": "acc", "stream": stream, "partition": "1", "changes": told, "record": record}
    return Event("id", kind, f"/acc/{stream}/1", "4", NOON - timedelta(minutes=3), NOON, data)


def render(source, told=None, language="fr", members=(), rule=""):
    """What a template writes, with French spaces as plain ones."""
    written = Template(source).render(told or event(), language=language, zone=PARIS, members=members, rule=rule)
    return written.replace("\u202f", " ").replace("\u00a0", " ")


# -------------------------------------------------------------------------------------------------------- what it writes


@pytest.mark.parametrize(
    ("source", "french", "english"),
    [
        ("{{ euros(record.price_including_vat) }}", "188 882 €", "€188,882"),
        ("{{ record.price_including_vat | euros }}", "188 882 €", "€188,882"),
        ("{{ euros(3.5, 'CHF') }}", "3,50 CHF", "CHF 3.50"),
        ("{{ date(record.updated_at) }}", "21 novembre 2026", "21 November 2026"),
        ("{{ record.updated_at | time }}", "21 nov. 2026 à 10:59", "21 Nov 2026 at 10:59"),
        ("{{ time(record.canceled_at) }}", "1er décembre 2026", "1 December 2026"),
        ("{{ local(record.updated_at) }}", "21 nov. 2026 à 10:59", "21 Nov 2026 at 10:59"),
        ("{{ age(event.time) }} / {{ age(event.recordedtime) }}", "3 min / 0 min", "3 min / 0 min"),
        ("{{ record.price_including_vat > 3 }}", "oui", "yes"),
        ("{{ was('price_including_vat') | euros }}", "190 000 €", "€190,000"),
        ("{{ record.owner.email }}{{ record.deposit_amount | euros }}{{ date(none) }}", "", ""),
        ("{{ record.deposit_amount | euros | default('—') }}", "—", "—"),
        ("{{ record.lots | map(attribute='reference') }}", "A313, P12", "A313, P12"),
        ("{% for lot in record.lots %}{{ lot.reference }}{{ ', ' if not loop.last }}{% endfor %}", "A313, P12", "A313, P12"),
        ("{% for lot in record.lots %}{{ euros(lot.price_including_vat) or '?' }} {% endfor %}", "188 882 € ? ", "€188,882 ? "),
        ("{% for c in record.contacts %}{{ c.name }}{% else %}personne{% endfor %}", "personne", "personne"),
        ("{{ 'âge : ' ~ age(event.time) }}", "âge : 3 min", "âge : 3 min"),
        ("{{ record.status | upper }}{# nothing #}", "BOOKED", "BOOKED"),
        ("{% if changed('status') %}{{ changes.status.from }} → {{ changes.status.to }}{% endif %}", "", ""),
        ("{{ rule }} {{ account }} {{ event.subject }}", "a rule acc 4", "a rule acc 4"),
        ("plain", "plain", "plain"),
    ],
)  # fmt: skip
def test_a_template_writes_as_people_read(source, french, english):
    """Money, days, moments, durations and yes and no in the rule's language; what is empty is nothing."""
    told = event(
        changes={"price_including_vat": (190000, 188882)},
        status="booked",
        price_including_vat=188882,
        updated_at="2026-11-21T09:59:31Z",
        canceled_at="2026-12-01",
        lots=LOTS,
    )
    assert (render(source, told, rule="a rule"), render(source, told, "en", rule="a rule")) == (french, english)


def test_an_amount_is_in_the_records_currency():
    """A contract in Swiss francs is not told in euros."""
    assert render("{{ record.price | euros }}", event("apimo.contracts", price=9, currency="CHF")) == "9 CHF"


def test_members_are_envelopes():
    """A summary's template goes through its events, and what one lacks is none."""
    members = [replace(event(status="booked"), subject="1"), replace(event("apimo.leads", "new-lead"), subject="2")]
    source = "{% for m in members %}{{ m.type }} {{ m.subject }} {{ m.data.record.status or '-' }};{% endfor %}"
    assert render(source, members=members) == "purchase-updated 1 booked;new-lead 2 -;"
    assert render(source) == ""


def test_a_timed_event_names_its_rule():
    """Without a rule's name from outside, an event's own is shown."""
    told = event()
    timed = replace(told, data={**told.data, "rule": "unanswered"})
    assert (render("{{ rule }}", timed), render("{{ rule }}", timed, rule="other")) == ("unanswered", "other")


def test_lines_of_statements_leave_no_empty_ones():
    """A body over several lines reads as it is laid out."""
    source = "Lots :\n{% for lot in record.lots %}\n  - {{ lot.reference }}\n{% endfor %}\nfin"
    assert render(source, event(lots=LOTS)) == "Lots :\n  - A313\n  - P12\nfin"


# ------------------------------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("{{ nobody }}", "UndefinedError in line 1 of the template"),
        ("a\nb {{ record.nothing_known }}", "UndefinedError in line 2 of the template"),
        ("a\n\n{{ record.status > 3 }}", "TypeError in line 3 of the template"),
        ("{{ euros(record.status) }}", "TypeError in line 1 of the template"),
        ("{{ record.lots }}", "TypeError in line 1 of the template"),
        ("{{ changed }}", "TypeError in line 1 of the template"),
    ],
)
def test_a_template_is_strict(source, error):
    """What nobody knows, or cannot be read by people, fails; the error names the line and no value."""
    with pytest.raises(ValueError, match=f"^{error}$"):
        render(source, event(status="a secret", lots=LOTS))


@pytest.mark.parametrize(
    ("source", "types", "mistakes"),
    [
        ("{{ record.pirce }}", ["new-contract"], ["record has no 'pirce'; did you mean 'price'?"]),
        ("{{ record.price | euro }}", ["new-contract"], ["there is no filter 'euro'; did you mean 'euros'?"]),
        ("{{ eurs(record.price) }}", ["new-contract"], ["'eurs' is unknown; did you mean 'euros'?"]),
        ("{{ euros() }}", ["new-contract"], ["euros(amount, currency) is given nothing: euros()"]),
        ("{% for l in record.lots %}{{ l.refrence }}{% endfor %}", ["new-purchase"], ["record.lots[] has no 'refrence'; did you mean 'reference'?"]),
        ("{% for m in members %}{{ m.tpye }}{% endfor %}", ["new-lead"], ["event has no 'tpye'; did you mean 'type'?"]),
        ("{% for m in members %}{{ m.data.record.pirce }}{% endfor %}", ["new-contract"], ["record has no 'pirce'; did you mean 'price'?"]),
        ("{% for l in record.lots %}{% endfor %}{{ l }}", ["new-purchase"], ["'l' is unknown"]),
        ("{% if record.step == 1 %}x{% endif %}", ["new-lead"], ["record.step is a text and never equal to 1: write '1'"]),
        ("{% set x = 1 %}{{ x }}", ["new-lead"], ["is no template: {% set %} is not offered"]),
        ("a\n{% include 'x' %}", ["new-lead"], ["is no template: {% include %} is not offered (line 2)"]),
        ("{% extends 'x' %}", ["new-lead"], ["is no template: {% extends %} is not offered"]),
        ("{% import 'x' as x %}", ["new-lead"], ["is no template: {% import %} is not offered"]),
        ("{% macro x() %}{% endmacro %}", ["new-lead"], ["is no template: {% macro %} is not offered"]),
        ("{% with x = 1 %}{% endwith %}", ["new-lead"], ["is no template: {% with %} is not offered"]),
        ("{% filter upper %}{% endfilter %}", ["new-lead"], ["is no template: {% filter %} is not offered"]),
        ("{% block x %}{% endblock %}", ["new-lead"], ["is no template: {% block %} is not offered"]),
        ("{% autoescape true %}{% endautoescape %}", ["new-lead"], ["is no template: {% autoescape %} is not offered"]),
        ("{% for a in members recursive %}{{ loop(members) }}{% endfor %}", ["new-lead"], ["is no template: a recursive loop is not offered"]),
        ("{{ record.lots }}", ["new-purchase"], ["fails on a sample of new-purchase: an object is no text: name a field of it, or go through it with 'for'"]),
        ("a\n{{ record.price + record.currency }}", ["new-contract"], ["fails on a sample of new-contract: line 2: '+' between 350000 and 'EUR'"]),
        ("{{ date(record.reference) }}", ["new-lead"], ["fails on a sample of new-lead: is no date or moment"]),
    ],
)  # fmt: skip
def test_a_templates_mistakes_are_found_before_it_is_used(source, types, mistakes):
    """The same as of a condition, inside loops too, and what templates do not offer."""
    assert check_template(source, types) == mistakes


@pytest.mark.parametrize(
    "broken", ["{{ record.", "{% if x %}", "{% for %}", "{{ }}", "{% foo %}", "{{ 'x' }", "{% endif %}"]
)
def test_what_is_no_template_is_said(broken):
    """A syntax error is one complaint, not a crash."""
    (mistake,) = check_template(broken, catalogue())
    assert mistake.startswith("is no template: ")


@pytest.mark.parametrize(
    ("source", "types"),
    [
        ("{{ record.firstname }} {{ record.lastname }} : {{ record.message | truncate(200) }}", ["new-lead"]),
        ("{{ record.price | euros }} {{ record.status_display }} {{ record.step }}", catalogue()),
        ("{% for m in members %}{{ m.data.record.lastname }} {{ date(m.time) }}{% endfor %}", catalogue()),
        ("{% for path, change in changes.items() %}{{ path }}{% endfor %}", ["purchase-updated"]),
        ("{{ event.data.of.field }} {{ event.data.late }} {{ rule }}", ["lead-unanswered"]),
        ("{{ record.lots | map(attribute='reference') | join(' + ') }}", ["new-purchase"]),
        ("{{ record.opened.date | time }} {{ age(record.opened) }}", ["lead-opened", "new-lead"]),
    ],
)
def test_a_good_template_is_let_through(source, types):
    """No complaint about what works on some event of the rule."""
    assert check_template(source, types) == []


# -------------------------------------------------------------------------------------------------------- what it costs


@pytest.mark.parametrize(
    "hostile",
    [
        "{% for a in members %}{% for b in members %}{% for c in members %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in members if a.nothing %}{% for b in members %}{% endfor %}{% endfor %}",
        "{% for a in members %}{{ loop.length }}{% for b in members %}{{ '' }}{% endfor %}{% endfor %}",
        "{% for a in members %}{{ (members | sort(attribute='subject') | length) and '' }}{% endfor %}",
        "{% for a in members %}{{ (members | map(attribute='type') | list | length) and '' }}{% endfor %}",
        "{% for a in members %}{{ record.message.upper()[:0] }}{{ (members | length) and '' }}{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ ['a'] | join('b' * 1000000000) }}",
        "{{ record.__class__ }}",
        "{{ members.__class__.__base__.__subclasses__() }}",
        "{% for a in members %}{{ loop.__class__ }}{% endfor %}",
        "{% for a in ['x'] %}{{ loop(['y']) }}{% endfor %}",
        "{{ self }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ''.join(['a', 'b']) }}",
        "{% for a in range(1000000000) %}{% endfor %}",
        "{% set x = 'a' %}{% set x = x ~ x %}{{ x }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "".join(f"{{% for v{n} in [[v{n - 1}, v{n - 1}]] %}}" for n in range(1, 15)) + "{% endfor %}" * 14,
        "{% for a in [1] %}" * 40 + "{% endfor %}" * 40,
        "{{ " + "(" * 500 + ")" * 500 + " }}",
        "{% if 1 %}" * 900 + "{% endif %}" * 900,
    ],
    ids=lambda source: source[:50],
)  # fmt: skip
def test_a_hostile_template_ends_with_an_error(hostile):
    """Loops in loops over ten thousand events, texts that double, recursion: each ends at the bound or is refused."""
    members = [event(status="booked")] * 10_000
    with pytest.raises(ValueError):
        render(hostile, event(message="x" * 1_000_000), members=members)


def test_a_text_that_doubles_stays_bounded():
    """What loops bind is read no further than any text, so a text that is put into itself stops growing."""
    loops = "".join(f"{{% for v{n + 1} in [v{n} ~ v{n}] %}}" for n in range(18))
    source = f"{{% for v0 in ['123456789'] %}}{loops}{{{{ v18 | length }}}}{'{% endfor %}' * 19}"
    assert render(source) == "10000"


def test_what_is_written_is_bounded():
    """A long text is cut, a value before all, and what comes after it is not worked out."""
    long = event(message="é" * 1_000_000, lots=LOTS)
    assert len(render("{{ record.message }}", long)) == MOST_VALUE
    assert render("{{ record.message }}!", long).endswith("…!")
    told = render(
        "{% for a in members %}{{ record.message }}{% endfor %}{{ nobody }}", long, members=[event()] * 10_000
    )
    assert len(told) == MOST
    assert told.endswith("…")
    assert len(render("x" * 9000)) == MOST


NAUGHTY = [
    "{{ 7*7 }}",
    "{% for a in members %}x{% endfor %}",
    "{{ record.__class__ }}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "%s%d%n %(x)s {0} {record}",
    "<script>alert(1)</script> &amp; <!channel> @everyone *b* _i_ `c` [a](b)",
    "'; DROP TABLE leads; -- \" \\ \\n \\u0041",
    "a\r\nb\rc\nBcc: x@example.fr",
    "\x00\x07\x1b[31m\x7f\x85",
    "\u202eevil\u202c \u200f\u2066x\u2069 \ufeff",
    "Z\u0351\u036b\u0343 \ud800 \U000e0041",
    "{{ '{{' }}{% raw %}",
    "\u2028line\u2029paragraph\x0bvertical\x0cform",
    " " * 5000 + "x" * 100_000 + "\n" * 5000,
]


@pytest.mark.parametrize("value", NAUGHTY, ids=lambda value: ascii(value)[:40])
@pytest.mark.parametrize(
    "source",
    [
        "{{ record.lastname }}",
        "{{ 'x' ~ record.lastname }}",
        "{{ [record.lastname] | join(',') }}",
        "{{ was('lastname') }}",
    ],
)
def test_a_hostile_value_is_plain_text(source, value):
    """Whatever a record holds is shown as it is, once: never evaluated, never more than plain bounded text."""
    told = event("apimo.leads", "new-lead", lastname=value)
    written = Template(source).render(told, language="fr", zone=PARIS)
    assert len(written) <= MOST_VALUE
    assert all(char.isprintable() or char in "\n\u00a0\u202f" for char in written)
    if value.isprintable() and len(value) < 100:
        assert written.removeprefix("x") == value if "~" in source else written == value


def test_every_sample_can_be_told_field_by_field():
    """Each plain field of each stream can be written, and so can the parts of its objects."""
    for stream, record in SAMPLES.items():
        told = event(stream, "x", **record)
        for name, value in record.items():
            if isinstance(value, (str, int, float)):
                assert render(f"{{{{ record.{name} }}}}", told) == str(value).replace("\u00a0", " ")
