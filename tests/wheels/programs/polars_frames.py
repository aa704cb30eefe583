"""polars: expressions, joins, groups, functions in Python called from Rust, lazy queries, and the errors."""

import datetime

import polars as pl

frame = pl.DataFrame(
    {
        "key": [n % 7 for n in range(3000)],
        "value": [n * 37 % 1001 / 7 for n in range(3000)],
        "day": [datetime.date(2024, 1, 1) + datetime.timedelta(days=n % 366) for n in range(3000)],
        "word": [("ab", "cd", None)[n % 3] for n in range(3000)],
    }
)
print(frame)
print(
    frame.group_by("key", maintain_order=True).agg(
        pl.col("value").sum().alias("sum"), pl.len(), pl.col("word").null_count()
    )
)
other = pl.DataFrame({"key": [1, 2, 3], "name": ["one", "two", "three"]})
print(frame.join(other, on="key", how="inner").sort("value", "day").head(5))
print(
    frame.lazy()
    .filter(pl.col("day").dt.month() == 2)
    .select(pl.col("value").mean(), pl.col("key").n_unique())
    .collect()
)
print(frame["key"].map_elements(lambda x: x * x + 1, return_dtype=pl.Int64).sum())
print(frame.select(pl.col("value").map_batches(lambda s: s * 2, return_dtype=pl.Float64)).sum().item())
print([row for row in frame.iter_rows(named=True) if row["key"] == 3 and row["word"] is None][:2])
print(frame.pivot("word", index="key", values="value", aggregate_function="max", sort_columns=True).sort("key"))
for call in (lambda: frame.select("no"), lambda: frame["key"].map_elements(lambda x: 1 // x, return_dtype=pl.Int64)):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])
