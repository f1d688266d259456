"""Settings of property tests: few fixed examples by default, many with HYPOTHESIS_PROFILE=thorough."""

from hypothesis import HealthCheck, Phase, settings

_TIMES = 25


def effort(examples: int, steps: int) -> settings:
    """Return settings of a state machine. Hypothesis does not explain failures, as ``LifeMachine`` prints a script."""
    thorough = settings.get_current_profile_name() == "thorough"
    return settings(
        max_examples=examples * (_TIMES if thorough else 1),
        stateful_step_count=steps,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        report_multiple_bugs=False,
    )
