"""What a stimulus means. Pure: no clock, database, network or framework.

One file for each command or timer family. The decorators of ``registry`` mark functions; ``load`` collects them.
"""
