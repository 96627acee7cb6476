"""How properties are searched for: the same examples in every run, and no clock, which only an idle machine keeps."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("runbook", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("runbook")
