"""Upkeep: retention, evidence chains, anchors, the probe."""
