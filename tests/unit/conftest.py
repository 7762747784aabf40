"""How Hypothesis plays here: the unit tests get the processor time that others leave
(`tests/run`), so how long an example takes says nothing.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("behind", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("behind")
