"""Records what pyts draws of some series in [0,1], for the tests of imaging.

Run in this folder: python make.py (made with pyts 0.14.1, NumPy 2.4).
"""

import warnings

import numpy as np
from pyts.image import GramianAngularField, MarkovTransitionField, RecurrencePlot

warnings.simplefilter("ignore")  # equal quantiles
rng = np.random.default_rng(1)
series = rng.random((6, 10))
series[1] = np.round(series[1] * 3) / 3  # ties
series[2] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]  # few values
series[3] = np.linspace(0, 1, 10)
series[4, 4:] = 0.5  # padding

arrays = {"series": series}
arrays["gadf"] = GramianAngularField(method="difference", sample_range=None).transform(series)
for bins in [2, 3, 5, 8]:
    arrays[f"mtf_{bins}"] = MarkovTransitionField(n_bins=bins).transform(series)
arrays["recurrence"] = RecurrencePlot().transform(series)
for eps in [0.05, 0.25]:
    arrays[f"recurrence_{eps}"] = RecurrencePlot(threshold=eps).transform(series)
np.savez_compressed("pyts.npz", **arrays)
