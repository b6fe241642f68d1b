"""Writes parquet/lz4-polars.parquet: flows of made-up numbers in pages that parquet-go
v0.32.0 decompresses wrongly (parquet-go#608): LZ4_RAW, hardly compressible, so that its
codec makes a buffer of its own. Run in this folder, with polars 2.1.0;
parquet_lz4_test.go computes the same numbers and reads it.
"""
import polars as pl

FLOWS, PACKETS = 60, 12


def number(i, j):
    return ((i * 12 + j + 1) * 2654435761 % 2**32) >> 8


pl.DataFrame({
    "PL": [[number(i, j) % 1460 + 1 for j in range(PACKETS)] for i in range(FLOWS)],
    "DIR": [[number(i, j) >> 12 & 1 for j in range(PACKETS)] for i in range(FLOWS)],
    "IAT": [[float(number(i, j)) if j else 0.0 for j in range(PACKETS)] for i in range(FLOWS)],
    "LABEL": [f"class {i % 3}" for i in range(FLOWS)],
}).write_parquet("parquet/lz4-polars.parquet", compression="lz4")
