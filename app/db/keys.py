"""Keys of customer data: the columns that identify rows, and their values in the same order."""

NumberKey = tuple[int, str]
TenureKey = tuple[int, str, int]
ItemKey = tuple[int, str, str]

NUMBER = ("bucket", "msisdn")
TENURE = (*NUMBER, "tenure")
# Subscriptions, questions and messages.
ITEM = (*NUMBER, "id")
