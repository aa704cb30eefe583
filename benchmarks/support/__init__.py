"""What the benchmarks' scripts share: running a function or a server, and telling what it cost besides time.

The scripts run on every interpreter of the table, PyPy's Python 3.9 included, so this package does too; it needs
the standard library and pyperf only.
"""
