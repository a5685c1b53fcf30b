"""Read problem files: JSON lines, JSON, CSV, TSV, Parquet, hub datasets.

`reading.read_problem_file` is the whole pipeline: bytes -> rows (one reader per format) -> shape
and columns (`shapes`, `columns`) -> problems (`row_reader`) and rejected rows (`conversion`), with
notes and warnings (`notes`).
"""
