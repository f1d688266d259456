"""How many examples generated tests try: few fixed ones by default, many with HYPOTHESIS_PROFILE=thorough."""

from hypothesis import HealthCheck, Phase, settings

_TIMES = 25


def is_thorough() -> bool:
    """Return True for the long form of ``make fuzz``."""
    return settings.get_current_profile_name() == "thorough"


def tries(examples: int, times: int = _TIMES) -> settings:
    """Return settings of a test with ``@given``: so many examples, or ``times`` as many in the long form."""
    return settings(
        max_examples=examples * (times if is_thorough() else 1),
        phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def effort(examples: int, steps: int) -> settings:
    """Return settings of a state machine. Hypothesis does not explain failures, as ``LifeMachine`` prints a script."""
    return settings(
        max_examples=examples * (_TIMES if is_thorough() else 1),
        stateful_step_count=steps,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        report_multiple_bugs=False,
    )
