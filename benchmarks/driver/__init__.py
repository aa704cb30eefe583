"""The driver of the benchmark suite: environments, interleaved runs, statistics, tables and reports."""
