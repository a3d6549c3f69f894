"""What every test shares: the profile of the property tests."""

from hypothesis import HealthCheck, settings

# The machines that run this are shared: time says nothing about the code.
settings.register_profile("watcher", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("watcher")
