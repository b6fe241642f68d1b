"""Makes reference.json: figures of anonymeter and domias on made-up records.

    pip install anonymeter==1.1.0 scipy scikit-learn polars numba
    pip install --no-deps domias==0.0.5
    python make.py

Where the programs draw at random they are given as many guesses as there are records, so
that nothing is left to chance; the queries about several columns and the guesses at random
are, and for those the file has the mean of several runs.
"""
import json
import sys
import types
import warnings

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import accuracy_score, roc_auc_score  # noqa: F401 (domias)

# domias imports torch for networks that are not used here.
for name in ("torch", "torch.nn", "torch.nn.functional"):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)

from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator
from anonymeter.stats.confidence import EvaluationResults
from domias.baselines import compute_metrics_baseline, kde_baseline

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
WIDTH = 6


def records(n):
    """Positive numbers that depend on each other."""
    z = rng.normal(size=(n, 2))
    mix = np.array([[1, 1, .5, 0, -.5, .3], [0, .5, 1, 1, .7, -.4]])
    return np.round(np.exp(.5 * (z @ mix) + .3 * rng.normal(size=(n, WIDTH))) * 100, 2)


def frame(x):
    return pd.DataFrame(x, columns=[f"c{j}" for j in range(WIDTH)])


train, control, reference = records(240), records(240), records(240)
# A generator that leans towards what it saw: half copies with noise, half of its own.
synthetic = np.concatenate([np.round(train[:150] * np.exp(.03 * rng.normal(size=(150, WIDTH))), 2), records(150)])
out = {"train": train.tolist(), "control": control.tolist(), "reference": reference.tolist(), "synthetic": synthetic.tolist()}


def risk(guesses, success, baseline, held):
    r = EvaluationResults(n_attacks=guesses, n_success=success, n_baseline=baseline, n_control=held)
    value = r.risk()
    return {"guesses": guesses, "success": success, "control": held, "value": value.value, "low": value.ci[0], "high": value.ci[1]}


# Singling out by one column: all queries that there are.
e = SinglingOutEvaluator(ori=frame(train), syn=frame(synthetic), control=frame(control), n_attacks=100000, seed=1)
import anonymeter.evaluators.singling_out_evaluator as so

queries = so.univariate_singling_out_queries(df=e._syn, n_queries=100000, rng=np.random.default_rng(1))
success = len(so._evaluate_queries_and_return_successful(df=e._ori, queries=queries))
held = len(so._evaluate_queries_and_return_successful(df=e._control, queries=queries))
out["univariate"] = risk(len(queries), success, 0, held)

# By three: 500 queries, ten times.
rates = []
for seed in range(10):
    e = SinglingOutEvaluator(ori=frame(train), syn=frame(synthetic), control=frame(control), n_attacks=500, n_cols=3, seed=seed)
    r = e.evaluate("multivariate").results()
    rates.append((r.n_success / 500, r.n_control / 500, r.n_baseline / 500))
out["multivariate"] = dict(zip(("success", "control", "naive"), np.mean(rates, axis=0)))

names = [f"c{j}" for j in range(WIDTH)]
e = LinkabilityEvaluator(ori=frame(train), syn=frame(synthetic), control=frame(control), aux_cols=(names[:3], names[3:]), n_attacks=240)
r = e.evaluate(n_jobs=1).results()
out["linkability"] = risk(240, r.n_success, r.n_baseline, r.n_control)

# Inference of each column, as a number within 5 %.
out["inference"] = []
for j in range(WIDTH):
    e = InferenceEvaluator(ori=frame(train), syn=frame(synthetic), control=frame(control), aux_cols=names[:j] + names[j + 1:], secret=names[j], regression=True, n_attacks=240)
    r = e.evaluate(n_jobs=1).results()
    out["inference"].append(risk(240, int(r.n_success), int(r.n_baseline), int(r.n_control)))

# DOMIAS with kernel densities: brought to a scale on which densities are far above the
# 1e-20 that the program adds.
scale = reference.std(axis=0)
attacked = np.concatenate([train, control]) / scale
truth = np.arange(480) < 240
p_g, ratio = kde_baseline(attacked, synthetic / scale, reference / scale)
accuracy, auc = compute_metrics_baseline(ratio, truth)
out["domias"] = {"scale": scale.tolist(), "ratio": np.log(ratio).tolist(), "accuracy": accuracy, "auc": auc,
                 "density": stats.gaussian_kde((synthetic / scale).T).logpdf(attacked[:5].T).tolist()}

with open("reference.json", "w") as f:
    json.dump(out, f)
