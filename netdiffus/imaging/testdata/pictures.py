"""Makes pictures.npz, which the tests of pictures are held to.

    pip install numpy==2.4.6 pillow==13.0.0 matplotlib==3.11.2 && python pictures.py

jet         matplotlib's map, 256 colours, as pyplot.cm.jet(i)[:3]*255 cut to 8 bits
jet_of_u    the same for the numbers in u
number_*    PIL's bicubic resizing of float images (mode F)
square_*    guided-diffusion's center_crop_arr of 8-bit pictures, written anew here
file_*      PNG files by PIL, of every kind of pixel; pixels_* what PIL reads as RGB
"""
import io

import numpy as np
from matplotlib import colormaps
from PIL import Image

rng = np.random.default_rng(1)
out = {}
jet = colormaps["jet"]
out["jet"] = (jet(np.arange(256))[:, :3] * 255).astype(np.uint8)
u = np.concatenate([np.linspace(0, 1, 1025), rng.random(1000), [-0.1, 1.1]])
out["u"] = u
out["jet_of_u"] = (jet(u)[:, :3] * 255).astype(np.uint8)

for size, side in [(10, 64), (10, 128), (7, 10), (40, 16), (30, 64), (10, 10)]:
    img = rng.uniform(-1, 1, (size, size))
    out[f"number_{size}_{side}_in"] = img
    wide = Image.fromarray(img.astype(np.float32)).resize((side, side), Image.BICUBIC)
    out[f"number_{size}_{side}_out"] = np.asarray(wide, dtype=np.float64)


def square(picture, size):
    w, h = picture.size
    while min(w, h) // size >= 2:
        w, h = w // 2, h // 2
        picture = picture.resize((w, h), Image.BOX)
    factor = size / min(w, h)
    w, h = round(w * factor), round(h * factor)
    pixels = np.asarray(picture.resize((w, h), Image.BICUBIC))
    return pixels[(h - size) // 2 :, (w - size) // 2 :][:size, :size]


for h, w, size in [(10, 10, 64), (32, 32, 32), (50, 65, 32), (64, 64, 10), (65, 97, 16), (31, 45, 16), (31, 32, 16)]:
    pixels = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    out[f"square_{h}_{w}_{size}_in"] = pixels
    out[f"square_{h}_{w}_{size}_out"] = square(Image.fromarray(pixels), size)


def png(name, picture, as_rgb=None, **options):
    b = io.BytesIO()
    picture.save(b, "PNG", **options)
    out[f"file_{name}"] = np.frombuffer(b.getvalue(), np.uint8)
    if as_rgb is None:
        as_rgb = np.asarray(Image.open(io.BytesIO(b.getvalue())).convert("RGB"))
    out[f"pixels_{name}"] = as_rgb


rgb = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
gray = rng.integers(0, 256, (5, 7), dtype=np.uint8)
alpha = rng.integers(0, 256, (5, 7), dtype=np.uint8)
png("rgb", Image.fromarray(rgb))
png("rgba", Image.fromarray(np.dstack([rgb, alpha])))
png("gray", Image.fromarray(gray))
png("gray_alpha", Image.fromarray(np.dstack([gray, alpha])))
png("palette", Image.fromarray(rgb).quantize(17))
png("palette_16", Image.fromarray(rgb).quantize(16), bits=4)
png("bits_1", Image.fromarray(gray > 127))
deep = rng.integers(0, 65536, (5, 7), dtype=np.uint16)
# PIL makes white of every 16-bit gray above 255; the upper 8 bits are meant.
png("gray_16", Image.fromarray(deep), np.dstack([(deep >> 8).astype(np.uint8)] * 3))

np.savez_compressed("pictures.npz", **out)
