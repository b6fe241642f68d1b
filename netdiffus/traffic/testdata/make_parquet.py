"""Writes the files of parquet/: the same four flows as pyarrow and pandas can
store them (good-*), and files that must be refused (bad-*). Run in this folder, with
pyarrow 26.0.1 and pandas 3.1.1; parquet_test.go reads them.
"""
import decimal, os, pathlib
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq

OUT = pathlib.Path(__file__).parent / "parquet"
PL = [[517, 1460, 93], [1], [49258, 65535], [120, 0, 120, 7]]
IAT = [[0, 1234.5, 2], [0], [0, 0.25], [0, 1e6, 3, 4]]
DIR = [[0, 1, 0], [0], [1, 1], [0, 1, 1, 0]]
LABEL = ["Zoom", "a b/../c", "Zoom", "Ünïcødé"]


def table(pl=PL, dir=DIR, label=LABEL, iat=IAT, plt=pa.int64(), dirt=pa.int64(), iatt=pa.float64(), labelt=pa.string(), lst=pa.list_):
    columns = {"PL": pa.array(pl, lst(plt))}
    if iat is not None:
        columns["IAT"] = pa.array(iat, lst(iatt))
    columns["DIR"] = pa.array(dir, lst(dirt))
    columns["LABEL"] = pa.array(label, labelt)
    return pa.table(columns)


def good(name, t, **kw):
    pq.write_table(t, OUT / f"good-{name}.parquet", **{"store_schema": False, **kw})


def bad(name, t, **kw):
    pq.write_table(t, OUT / f"bad-{name}.parquet", **{"store_schema": False, **kw})


OUT.mkdir(exist_ok=True)
for f in OUT.glob("*.parquet"):
    os.remove(f)

for codec in ["snappy", "zstd", "gzip", "brotli", "none"]:
    good(codec, table(), compression=codec)
for version in ["1.0", "2.0"]:
    good(f"lz4-v{version[0]}", table(), compression="lz4", data_page_version=version)  # LZ4_RAW
good("int32", table(plt=pa.int32(), dirt=pa.int8()))
for bits in [16, 32, 64]:
    good(f"uint{bits}", table(plt=getattr(pa, f"uint{bits}")(), dirt=pa.uint8()))
good("dir-bool", table(dir=[[bool(d) for d in row] for row in DIR], dirt=pa.bool_()))
good("dir-bool-v2", table(dir=[[bool(d) for d in row] for row in DIR], dirt=pa.bool_()), data_page_version="2.0", version="2.6")
good("float32", table(plt=pa.float32(), dirt=pa.float32(), iatt=pa.float32()))
good("float64", table(plt=pa.float64(), dirt=pa.float64()))
good("large", table(lst=pa.large_list, labelt=pa.large_string()))
good("dictionary", table(labelt=pa.dictionary(pa.int32(), pa.string())), store_schema=True)
good("no-dictionary", table(), use_dictionary=False)
good("delta", table(), use_dictionary=False, column_encoding={
    "PL.list.element": "DELTA_BINARY_PACKED", "DIR.list.element": "DELTA_BINARY_PACKED",
    "IAT.list.element": "BYTE_STREAM_SPLIT", "LABEL": "DELTA_LENGTH_BYTE_ARRAY"})
good("page-v2", table(), data_page_version="2.0")
good("item", table(), use_compliant_nested_type=False)
good("groups", table(), row_group_size=1)
good("checksum", table(), write_page_checksum=True)
good("required", pa.table([table().column(c) for c in ["PL", "IAT", "DIR", "LABEL"]], schema=pa.schema([
    pa.field("PL", pa.list_(pa.field("element", pa.int64(), nullable=False)), nullable=False),
    pa.field("IAT", pa.list_(pa.field("element", pa.float64(), nullable=False)), nullable=False),
    pa.field("DIR", pa.list_(pa.field("element", pa.int64(), nullable=False)), nullable=False),
    pa.field("LABEL", pa.string(), nullable=False)])))
pd.DataFrame({"PL": [np.array(p) for p in PL], "IAT": [np.array(i, float) for i in IAT],
              "DIR": [np.array(d) for d in DIR], "LABEL": pd.Categorical(LABEL), "other": [{"x": 1}] * 4,
              }).to_parquet(OUT / "good-pandas.parquet")
good("untimed", table(iat=None))

# Pages that end inside rows, and several groups of them.
n = 300
good("pages", table(pl=[[i % 1400 + 1] * (i % 7 + 1) for i in range(n)], iat=None,
                    dir=[[i % 2] * (i % 7 + 1) for i in range(n)], label=[f"class {i % 3}" for i in range(n)]),
     row_group_size=170, data_page_size=200, write_batch_size=10, use_dictionary=False, compression="zstd")
# Rows padded with 0 to four packets, as the seed's training file.
good("padded", table(pl=[p + [0] * (4 - len(p)) for p in PL[:3]], dir=[d + [0] * (4 - len(d)) for d in DIR[:3]],
                     label=LABEL[:3], iat=[t + [0] * (4 - len(t)) for t in IAT[:3]]))

bad("lengths", table(dir=[[0, 1, 0], [0], [1], [0, 1, 1, 0]]))
bad("iat-lengths", table(iat=[[0, 1], [0], [1, 2], [0, 1, 1, 0]]))
bad("negative", table(pl=[PL[0], PL[1], [10, -5], PL[3]]))
bad("too-long", table(pl=[PL[0], PL[1], [10, 65536], PL[3]]))
bad("fraction", table(pl=[PL[0], PL[1], [10, 1.5], PL[3]], plt=pa.float64()))
bad("nan", table(pl=[PL[0], PL[1], [10, float("nan")], PL[3]], plt=pa.float64()))
bad("infinite", table(pl=[PL[0], PL[1], [10, float("inf")], PL[3]], plt=pa.float64()))
bad("iat-nan", table(iat=[IAT[0], IAT[1], [10, float("nan")], IAT[3]]))
bad("dir-2", table(dir=[DIR[0], DIR[1], [1, 2], DIR[3]]))
bad("dir-half", table(dir=[DIR[0], DIR[1], [1, 0.5], DIR[3]], dirt=pa.float64()))
bad("empty-row", table(pl=[PL[0], PL[1], [], PL[3]], dir=[DIR[0], DIR[1], [], DIR[3]], iat=[IAT[0], IAT[1], [], IAT[3]]))
bad("null-list", table(pl=[PL[0], PL[1], None, PL[3]]))
bad("null-value", table(pl=[PL[0], PL[1], [10, None], PL[3]]))
bad("null-label", table(label=["a", "b", None, "d"]))
bad("empty-label", table(label=["a", "b", "", "d"]))
bad("label-bytes", table(label=[b"a", b"b", b"\xff\xfe", b"d"], labelt=pa.binary()))
bad("label-list", table(label=[["a"]] * 4, labelt=pa.list_(pa.string())))
bad("scalar", pa.table({"PL": [1, 2], "DIR": [[0], [1]], "LABEL": ["a", "b"]}))
bad("strings", table(pl=[["1"]] * 4, plt=pa.string()))
bad("nested", table(pl=[[[1]]] * 4, plt=pa.list_(pa.int64())))
bad("struct", table(pl=[[{"a": 1, "b": 2}]] * 4, plt=pa.struct([("a", pa.int64()), ("b", pa.int64())])))
bad("decimal", table(pl=[[decimal.Decimal("1.50")]] * 4, plt=pa.decimal128(5, 2)), store_decimal_as_integer=True)
bad("time", table(pl=[[1]] * 4, plt=pa.timestamp("us")))
bad("all-null", table(pl=[[None]] * 4, plt=pa.null()))
bad("prefixes", table(), use_dictionary=False, column_encoding={"LABEL": "DELTA_BYTE_ARRAY"})
