"""Tests of other software against a gateway of their own."""
