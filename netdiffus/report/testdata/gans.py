"""Trains a GAN on a file of series and draws from it, for "Against GANs" in docs/series.md.

    python gans.py doppelganger train.parquet OUT [--snapshots 60,180] [--epochs 400]
    python gans.py timegan      train.parquet OUT [--seconds 900] [--iterations 10000]

train.parquet has list columns, one a channel, and LABEL or label. OUT-NAME.npz are arrays
of up to --per-class series of each class, in the form that evaluate reads (channels,
labels, values): one file for each of --snapshots, seconds of processor time, and one of the
end. OUT.json says what was run and for how long.

DoppelGANger (Lin et al. 2020) is that of gretel-synthetics, which draws a series' label
with it. TimeGAN (Yoon et al. 2019) is written here after the paper and the settings of its
authors' code, with one change: the paper's is not conditional where features have no
static part, so that the class, one of n, is given to each of its networks as the static
feature.

pip install torch pyarrow numpy; for DoppelGANger also --no-deps gretel-synthetics rdt
category_encoders, and pandas, scikit-learn. One thread.
"""

import argparse
import json
import time
from importlib.metadata import version

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import nn

torch.set_num_threads(1)


def read(path):
    table = pq.read_table(path)
    label = next(n for n in table.schema.names if n.lower() == "label")
    channels = [n for n in table.schema.names if str(table.schema.field(n).type).startswith("list")]
    values = np.stack([np.array(table[n].to_pylist(), float) for n in channels], axis=2)
    return values, np.array(table[label].to_pylist()), channels


def write(path, draw, classes, channels, per_class):
    """Draw until each class has per_class series, or 50 times as many were drawn."""
    have = {c: [] for c in classes}
    drawn = 0
    while min(map(len, have.values())) < per_class and drawn < 50 * per_class * len(classes):
        values, labels = draw()
        drawn += len(values)
        for v, c in zip(values, labels):
            if len(have[c]) < per_class:
                have[c].append(v)
    labels = [c for c in classes for _ in have[c]]
    values = np.array([v for c in classes for v in have[c]], float)
    np.savez(path, values=values, labels=np.array(labels), channels=np.array(channels))
    return {c: len(v) for c, v in have.items()}


def doppelganger(args, values, labels, channels, note):
    import logging

    from gretel_synthetics.timeseries_dgan.config import DGANConfig, OutputType
    from gretel_synthetics.timeseries_dgan.dgan import DGAN

    logging.disable(logging.INFO)
    config = DGANConfig(
        max_sequence_len=values.shape[1], sample_len=args.sample_len, batch_size=100, epochs=args.epochs, cuda=False
    )
    model, classes = DGAN(config), sorted(set(labels))
    left = [float(s) for s in args.snapshots.split(",") if s]
    note.update(version=version("gretel-synthetics"), settings=config.to_dict(), snapshots=[])

    def draw():
        attributes, features = model.generate_numpy(2000)
        return np.asarray(features, float), attributes[:, 0]

    spent = [time.process_time(), 0.0]  # since when, and of drawing, which is no training

    def save(name, epoch):
        begun = time.process_time()
        trained = begun - spent[0] - spent[1]
        counts = write(f"{args.out}-{name}.npz", draw, classes, channels, args.per_class)
        model._set_mode(True)
        spent[1] += time.process_time() - begun
        note["snapshots"].append({"name": name, "seconds": trained, "epochs": epoch, "least of a class": min(counts.values())})
        print(note["snapshots"][-1], flush=True)

    def progress(p):
        if p.batch == 0 and p.epoch % 20 == 0:
            print(f"epoch {p.epoch}: {time.process_time() - spent[0] - spent[1]:.0f} s", flush=True)
        if left and time.process_time() - spent[0] - spent[1] >= left[0]:
            save(f"{left.pop(0):g}s", p.epoch)

    model.train_numpy(
        features=values,
        feature_types=[OutputType.CONTINUOUS] * values.shape[2],
        attributes=labels.reshape(-1, 1).astype(object),
        attribute_types=[OutputType.DISCRETE],
        progress_callback=progress,
    )
    save("end", args.epochs)


class Recurrent(nn.Module):
    """A GRU and a linear map at each step; what it is given stands beside the class."""

    def __init__(self, inputs, classes, hidden, outputs, layers, squash=True):
        super().__init__()
        self.gru = nn.GRU(inputs + classes, hidden, layers, batch_first=True)
        self.out, self.squash = nn.Linear(hidden, outputs), squash

    def forward(self, x, c):
        y = self.out(self.gru(torch.cat([x, c[:, None].expand(-1, x.shape[1], -1)], 2))[0])
        return torch.sigmoid(y) if self.squash else y


def timegan(args, values, labels, channels, note):
    hidden, layers, batch, gamma = 24, 3, 128, 1.0  # the authors' settings
    note.update(version="written from the paper", settings=dict(hidden=hidden, layers=layers, batch=batch, gamma=gamma))
    classes = sorted(set(labels))
    low, high = values.min((0, 1)), values.max((0, 1))
    x_all = torch.tensor((values - low) / np.maximum(high - low, 1e-7), dtype=torch.float32)
    c_all = nn.functional.one_hot(torch.tensor([classes.index(c) for c in labels]), len(classes)).float()
    n, bins, width = x_all.shape
    torch.manual_seed(0)
    k = len(classes)
    embedder, recovery = Recurrent(width, k, hidden, hidden, layers), Recurrent(hidden, k, hidden, width, layers)
    generator, supervisor = Recurrent(width, k, hidden, hidden, layers), Recurrent(hidden, k, hidden, hidden, layers - 1)
    judge = Recurrent(hidden, k, hidden, 1, layers, squash=False)

    def adam(*nets):
        return torch.optim.Adam([p for net in nets for p in net.parameters()], 1e-3)

    by_autoencoder, by_supervisor = adam(embedder, recovery), adam(generator, supervisor)
    by_generator, by_embedder, by_judge = adam(generator, supervisor), adam(embedder, recovery), adam(judge)
    mse, bce = nn.functional.mse_loss, nn.functional.binary_cross_entropy_with_logits

    def take():
        i = torch.randint(n, (batch,))
        return x_all[i], c_all[i], torch.rand(batch, bins, width)

    def step(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def ahead(h, c):
        return mse(supervisor(h, c)[:, :-1], h[:, 1:])

    def certain(logit, real):
        return bce(logit, torch.full_like(logit, float(real)))

    # The three phases share the time as 1 : 1 : 6, an iteration of the last costing about
    # six of the first; each ends at its iterations or its share of the seconds.
    begun, done = time.process_time(), {}

    def phase(name, until, one):
        i = 0
        while i < args.iterations and time.process_time() - begun < until * args.seconds:
            loss = one()
            if i % 100 == 0:
                print(f"{name} {i}: {loss:.4f}, {time.process_time() - begun:.0f} s", flush=True)
            i += 1
        done[name] = i

    def embed():
        x, c, _ = take()
        loss = mse(recovery(embedder(x, c), c), x)
        step(by_autoencoder, 10 * torch.sqrt(loss))
        return loss.item()

    def supervise():
        x, c, _ = take()
        with torch.no_grad():
            h = embedder(x, c)
        loss = ahead(h, c)
        step(by_supervisor, loss)
        return loss.item()

    def joint():
        for _ in range(2):
            x, c, z = take()
            with torch.no_grad():
                h = embedder(x, c)
            e = generator(z, c)
            s = supervisor(e, c)
            drawn = recovery(s, c)
            moments = (torch.sqrt(drawn.var(0, unbiased=False) + 1e-6) - torch.sqrt(x.var(0, unbiased=False) + 1e-6)).abs().mean()
            moments = moments + (drawn.mean(0) - x.mean(0)).abs().mean()
            adversarial = certain(judge(s, c), 1) + gamma * certain(judge(e, c), 1)
            step(by_generator, adversarial + 100 * torch.sqrt(ahead(h, c)) + 100 * moments)
            h = embedder(x, c)
            step(by_embedder, 10 * torch.sqrt(mse(recovery(h, c), x)) + 0.1 * ahead(h, c))
        x, c, z = take()
        with torch.no_grad():
            h, e = embedder(x, c), generator(z, c)
            s = supervisor(e, c)
        loss = certain(judge(h, c), 1) + certain(judge(s, c), 0) + gamma * certain(judge(e, c), 0)
        if loss.item() > 0.15:
            step(by_judge, loss)
        return loss.item()

    phase("embedding", 1 / 8, embed)
    phase("supervised", 2 / 8, supervise)
    phase("joint", 1, joint)
    note.update(seconds=time.process_time() - begun, iterations=done)

    def draw():
        which = torch.arange(k).repeat_interleave(args.per_class)
        c = nn.functional.one_hot(which, k).float()
        with torch.no_grad():
            x = recovery(supervisor(generator(torch.rand(len(which), bins, width), c), c), c)
        return x.numpy().astype(float) * (high - low) + low, [classes[i] for i in which]

    print(write(f"{args.out}-end.npz", draw, classes, channels, args.per_class))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("kind", choices=["doppelganger", "timegan"])
parser.add_argument("train")
parser.add_argument("out")
parser.add_argument("--per-class", type=int, default=400)
parser.add_argument("--epochs", type=int, default=400, help="of DoppelGANger")
parser.add_argument("--sample-len", type=int, default=4, help="bins that DoppelGANger draws at a step")
parser.add_argument("--snapshots", default="", help="also draw at these seconds of processor time, of DoppelGANger")
parser.add_argument("--seconds", type=float, default=900, help="of processor time that TimeGAN may take")
parser.add_argument("--iterations", type=int, default=10000, help="of each of TimeGAN's three phases")
args = parser.parse_args()

np.random.seed(0)
torch.manual_seed(0)
note = {"kind": args.kind, "torch": torch.__version__}
{"doppelganger": doppelganger, "timegan": timegan}[args.kind](args, *read(args.train), note)
with open(f"{args.out}.json", "w") as f:
    json.dump(note, f, indent=1, default=str)
