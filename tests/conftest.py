"""What every test shares: the profile of the property tests."""

import os

from hypothesis import HealthCheck, settings

# The machines that run this are shared: time says nothing about the code. CI tries the same examples each time, so that
# a change is judged by what it changes; everywhere else they are new ones at each run.
settings.register_profile(
    "watcher",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("watcher")
