"""The commands, answers, timers and calls: functions from a turn to its outcome.

This package is pure: no clock, database, network or framework. Each command or family of timers has a file of its own.
The decorators of ``registry`` mark functions, and ``collecting.load`` collects the marks.
"""
