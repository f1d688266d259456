"""Charges: announced, reminded, disputed, taken or waived, refunded."""
