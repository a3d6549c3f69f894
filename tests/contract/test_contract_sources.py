"""Both of our sources keep what every source promises."""

from contract_vendors import Adlead, Apimo


class TestApimo(Apimo):
    """The leads of an agency."""


class TestAdlead(Adlead):
    """The purchases of a programme."""
