"""Nouns and rules: pure, standard library (and phonenumbers, gsm0338) only."""
