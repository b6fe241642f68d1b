"""Measures PyTorch at the reference's network, for netdiffus bench.

Reads one task a line from standard input, as JSON, and answers each with a line of JSON:
the seconds that calls took. The network has the layers and the number of parameters of the
reference's (a class-conditional UNet with two levels at 10 pixels, more at more), written
for this purpose; with --compile it goes through torch.compile.
"""
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CLASSES, WIDTH, BLOCKS, HEADS, STEPS = 14, 128, 3, 4, 100


class Block(nn.Module):
    """Residual block whose second norm is scaled and shifted by the embedding."""

    def __init__(self, cin, cout, emb):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(32, cin), nn.Conv2d(cin, cout, 3, padding=1)
        self.emb = nn.Linear(emb, 2 * cout)
        self.norm2, self.conv2 = nn.GroupNorm(32, cout), nn.Conv2d(cout, cout, 3, padding=1)
        self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.emb(F.silu(emb))[:, :, None, None].chunk(2, 1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.qkv, self.out = nn.GroupNorm(32, c), nn.Conv1d(c, 3 * c, 1), nn.Conv1d(c, c, 1)

    def forward(self, x, emb):
        b, c, h, w = x.shape
        flat = x.reshape(b, c, h * w)
        q, k, v = self.qkv(self.norm(flat)).reshape(b * HEADS, 3 * c // HEADS, h * w).chunk(3, 1)
        weight = torch.softmax(torch.einsum("bct,bcs->bts", q, k) / math.sqrt(c // HEADS), -1)
        return x + self.out(torch.einsum("bts,bcs->bct", weight, v).reshape(b, c, h * w)).reshape(b, c, h, w)


class Resize(nn.Module):
    def __init__(self, c, up):
        super().__init__()
        self.up, self.conv = up, nn.Conv2d(c, c, 3, stride=1 if up else 2, padding=1)

    def forward(self, x, emb):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest") if self.up else x)


class Layers(nn.ModuleList):
    def forward(self, x, emb):
        for layer in self:
            x = layer(x, emb)
        return x


class UNet(nn.Module):
    def __init__(self, size):
        super().__init__()
        mult = {10: (1, 2), 64: (1, 2, 3, 4), 128: (1, 1, 2, 3, 4)}[size]
        attends = {size // r for r in (16, 8)}
        emb = 4 * WIDTH
        self.time = nn.Sequential(nn.Linear(WIDTH, emb), nn.SiLU(), nn.Linear(emb, emb))
        self.label = nn.Embedding(CLASSES, emb)
        self.first = nn.Conv2d(1, WIDTH, 3, padding=1)
        self.down, self.up, widths, c, factor = nn.ModuleList(), nn.ModuleList(), [WIDTH], WIDTH, 1
        for level, m in enumerate(mult):
            for _ in range(BLOCKS):
                layers = Layers([Block(c, m * WIDTH, emb)])
                c = m * WIDTH
                if factor in attends:
                    layers.append(Attention(c))
                self.down.append(layers)
                widths.append(c)
            if level < len(mult) - 1:
                self.down.append(Layers([Resize(c, False)]))
                widths.append(c)
                factor *= 2
        self.middle = Layers([Block(c, c, emb), Attention(c), Block(c, c, emb)])
        for level, m in reversed(list(enumerate(mult))):
            for i in range(BLOCKS + 1):
                layers = Layers([Block(c + widths.pop(), m * WIDTH, emb)])
                c = m * WIDTH
                if factor in attends:
                    layers.append(Attention(c))
                if level and i == BLOCKS:
                    layers.append(Resize(c, True))
                    factor //= 2
                self.up.append(layers)
        self.norm, self.last = nn.GroupNorm(32, c), nn.Conv2d(c, 2, 3, padding=1)

    def forward(self, x, t, y):
        rate = torch.exp(-math.log(10000) * torch.arange(WIDTH // 2, device=x.device) / (WIDTH // 2))
        angle = t[:, None].float() * rate
        emb = self.time(torch.cat([angle.cos(), angle.sin()], -1)) + self.label(y)
        x = self.first(x)
        kept = [x]
        for layers in self.down:
            x = layers(x, emb)
            kept.append(x)
        x = self.middle(x, emb)
        for layers in self.up:
            before = kept.pop()
            x = layers(torch.cat([x[..., : before.shape[-2], : before.shape[-1]], before], 1), emb)
        return self.last(F.silu(self.norm(x)))


def alpha_bar():
    """The cosine schedule's (Nichol & Dhariwal 2021, eq. 17)."""
    f = [math.cos((i / STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(STEPS + 1)]
    beta = torch.tensor([min(1 - f[i + 1] / f[i], 0.999) for i in range(STEPS)], dtype=torch.float64)
    return torch.cumprod(1 - beta, 0).float().to(DEVICE)


networks = {}


def network(size, compiled):
    if size not in networks:
        net = UNet(size).to(DEVICE)
        networks[size] = net, torch.compile(net) if compiled else net
    return networks[size]


def calls(task, compiled):
    """Returns a function that does the task once and waits for the device."""
    what, batch, size = task["what"], task.get("batch", 1), task["size"]
    if what == "product":
        a, b = torch.ones(size, size, device=DEVICE), torch.ones(size, size, device=DEVICE)
        return lambda: (a @ b).max().item()
    bare, net = network(size, compiled)
    if task.get("precision") == "bf16":
        whole = net

        def narrow(*args):
            with torch.autocast(DEVICE, torch.bfloat16):
                return whole(*args).float()
        net = narrow
    x = torch.rand(batch, 1, size, size, device=DEVICE) * 2 - 1
    y = torch.arange(batch, device=DEVICE) % CLASSES
    bar = alpha_bar()
    if what == "forward":
        def forward():
            with torch.no_grad():
                return net(x, torch.zeros(batch, device=DEVICE), y).cpu()
        return forward
    if what == "step":
        optimiser = torch.optim.AdamW(bare.parameters(), lr=1e-4, weight_decay=0)
        average = [p.detach().clone() for p in bare.parameters()]
        beta = 1 - bar / torch.cat([torch.ones(1, device=DEVICE), bar[:-1]])

        def step():
            # Noise is drawn, the loss is the mean square of its error and the bound's term of
            # the variance, as the reference's with --learn_sigma is.
            t = torch.randint(STEPS, (batch,), device=DEVICE)
            noise = torch.randn_like(x)
            at, b = bar[t][:, None, None, None], beta[t][:, None, None, None]
            noisy = at.sqrt() * x + (1 - at).sqrt() * noise
            eps, v = net(noisy, t, y).chunk(2, 1)
            before = (at / (1 - b)).clamp(max=0.999999)
            true = (b * (1 - before) / (1 - at)).clamp(min=1e-20).log()
            frac = (v + 1) / 2
            logvar = frac * b.log() + (1 - frac) * true
            bound = 0.5 * (logvar - true + (true - logvar).exp() - 1 + (eps.detach() - noise) ** 2 * (-logvar).exp() * b * b / ((1 - at) * (1 - b)))
            loss = ((eps - noise) ** 2).mean() + bound.mean() / 1000
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(average, list(bare.parameters()), 0.001)
            return loss.item()
        return step

    steps = [round(i * (STEPS - 1) / (task["steps"] - 1)) for i in range(task["steps"])]

    def sample():
        with torch.no_grad():
            z = torch.randn_like(x)
            for i in reversed(range(len(steps))):
                at = bar[steps[i]]
                before = bar[steps[i - 1]] if i else torch.ones((), device=DEVICE)
                eps = net(z, torch.full((batch,), float(steps[i]), device=DEVICE), y)[:, :1]
                x0 = ((z - (1 - at).sqrt() * eps) / at.sqrt()).clamp(-1, 1)
                eps = (z - at.sqrt() * x0) / (1 - at).sqrt()
                z = before.sqrt() * x0 + (1 - before).sqrt() * eps
            return z.cpu()
    return sample


def measure(task, compiled):
    call = calls(task, compiled)
    begun = time.perf_counter()
    call()
    first, took, begun = time.perf_counter() - begun, [], time.perf_counter()
    while len(took) < 2 or time.perf_counter() - begun < task["seconds"]:
        at = time.perf_counter()
        call()
        took.append(time.perf_counter() - at)
    return {"first": first, "took": took}


def main():
    compiled = "--compile" in sys.argv
    torch.backends.cuda.matmul.allow_tf32 = "--tf32" in sys.argv
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    parameters = sum(p.numel() for p in UNet(10).parameters())
    kind = "torch.compile" if compiled else "eager"
    print(json.dumps({"description": f"PyTorch {torch.__version__}, {kind}, {name}", "parameters": parameters}), flush=True)
    for line in sys.stdin:
        try:
            answer = measure(json.loads(line), compiled)
        except Exception as e:  # the row has no figure; others may
            answer = {"error": f"{type(e).__name__}: {e}".splitlines()[0]}
        print(json.dumps(answer), flush=True)


main()
