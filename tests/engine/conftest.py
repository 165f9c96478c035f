"""How many random programs a run of the tests tries: few, and the same ones each time."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "engine", max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("engine")
