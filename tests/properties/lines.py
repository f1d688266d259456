"""Values for the fields of an import line; times are in days before now."""

from hypothesis import strategies as st

PRICES = st.sampled_from([100, 300, 500, 550, 800, 900, 1200])
LINE = {
    "state": st.sampled_from(["active", "active", "trial"]),
    "in_plan": st.sampled_from([False, False, False, True]),
    "as_of_days_ago": st.sampled_from([None, 0, 0, 0.005, 0.04, 1, 3, 40, -0.005, -1]),
    "price": st.one_of(st.none(), st.none(), PRICES),
    "started_days_ago": st.sampled_from([None, 0, 0.005, 0.04, 1, 4, 60, -1]),
    "trial_days": st.sampled_from([-1, 0.04, 1, 5, 30]),
    "contract_days": st.sampled_from([None, None, None, 30, 400]),
}
