"""Problem files as people bring them: JSON lines, JSON, CSV, TSV, Parquet, hub datasets.

`reading.read_problem_file` does it all: bytes -> rows (one reader a format) -> shape and columns
(`shapes`, `columns`) -> problems (`row_reader`) and refused rows (`conversion`), with what may be
wrong about them (`notes`).
"""
