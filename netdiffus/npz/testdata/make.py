"""Writes the NumPy files that the tests of package npz read.

Run in this folder: python make.py (NumPy 2; made with 2.3). The values of
every array are 0, 1, 2 … in row-major order, of its type, -1.5 first for
floats and -1 for signed integers.
"""

import io
import zipfile

import numpy as np


def values(dtype, shape):
    a = np.arange(int(np.prod(shape)), dtype="f8")
    kind = np.dtype(dtype).kind
    if a.size and kind in "fi":
        a[0] = -1.5 if kind == "f" else -1
    if kind == "b":
        a = a % 2
    return a.reshape(shape).astype(dtype)


arrays = {}
for order in "<>":
    for t in ["f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"]:
        name = ("little_" if order == "<" else "big_") + t
        arrays[name] = values(order + t, (2, 3))
for t in ["i1", "u1", "?"]:
    arrays["byte_" + np.dtype(t).str[1:]] = values(t, (2, 3))
arrays["fortran2"] = np.asfortranarray(values("<f8", (3, 4)))
arrays["fortran3"] = np.asfortranarray(values(">i4", (2, 3, 4)))
arrays["scalar"] = values("<f8", ())
arrays["vector"] = values("<i8", (5,))
arrays["empty"] = values("<f4", (0, 10, 10, 1))
arrays["deep"] = values("<u1", (1, 2, 1, 2, 1, 2, 1))
np.savez("numpy.npz", **arrays)
np.savez_compressed("numpy_compressed.npz", **arrays)

# What NumPy can write but this package does not take.
np.savez("numpy_other.npz", text=np.array(["a"]), complex=np.ones(2, "c8"),
         record=np.zeros(1, [("a", "<f4"), ("b", "<i2")]),
         object=np.array([{}], dtype=object), date=np.zeros(1, "M8[s]"))

with zipfile.ZipFile("numpy_versions.npz", "w") as z:
    for version in [(1, 0), (2, 0), (3, 0)]:
        f = io.BytesIO()
        np.lib.format.write_array(f, values("<f8", (2, 3)), version=version)
        z.writestr(f"v{version[0]}.npy", f.getvalue())

np.save("numpy.npy", values("<f8", (2, 3)))
