"""What is timed, done by PyTorch, as its users write it: the rival.

Nothing of minunet is imported here, and PyTorch only when it is used: `worker` loads this file
by itself, to measure PyTorch in a process that minunet has not touched.
"""

import time

# What PyTorch is tried with: whether channels are last in memory, and on a GPU whether TF32 is
# allowed. What stands before the comma is compared, by the better of its two layouts.
VARIANTS = {
    "cpu": {"PyTorch, contiguous": (False, None), "PyTorch, channels last": (True, None)},
    "cuda": {f"PyTorch {kind}, {layout}": (layout == "channels last", kind == "TF32")
             for kind in ("float32", "TF32") for layout in ("contiguous", "channels last")},
}


def version():
    """PyTorch's version, or ``None`` where it cannot be imported."""
    try:
        import torch
    except (ImportError, OSError):  # not installed; a library that it needs is missing
        return None
    return torch.__version__


def can_use(device):
    """Tell whether PyTorch is there and can compute on `device`, ``"cpu"`` or ``"cuda"``."""
    if version() is None:
        return False
    import torch

    return device == "cpu" or torch.cuda.is_available()


def use_threads(count):
    """Let PyTorch use as many threads as minunet does."""
    import torch

    torch.set_num_threads(count)


def use_tf32(allowed):
    """Let PyTorch use TF32 on a GPU, or not: products of float32 with 10 of the 23 bits."""
    from torch import backends

    if allowed is not None:
        backends.cudnn.allow_tf32 = backends.cuda.matmul.allow_tf32 = allowed


def twin(base, in_channels=3, depth=4):
    """Build the U-Net that `minunet.UNet` is with its defaults, as a ``torch.nn.Module``."""
    from torch import cat, nn

    def block(c, f):
        halves = [[nn.Conv2d(channels, f, 3, padding=1, bias=False), nn.BatchNorm2d(f),
                   nn.ReLU(inplace=True)] for channels in (c, f)]
        return nn.Sequential(*halves[0], *halves[1])

    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [base * 2**level for level in range(depth + 1)]
            self.down = nn.ModuleList(map(block, [in_channels, *widths[:-1]], widths))
            widths = widths[-2::-1]  # from the bottom up
            self.up = nn.ModuleList(nn.ConvTranspose2d(2 * f, f, 2, stride=2) for f in widths)
            self.dec = nn.ModuleList(block(2 * f, f) for f in widths)
            self.pool, self.head = nn.MaxPool2d(2), nn.Conv2d(base, 1, 1)

        def forward(self, x):
            skips = []
            for level, block in enumerate(self.down):
                x = block(self.pool(x) if level else x)
                skips.append(x)
            x = skips.pop()  # the bottom's
            for up, block in zip(self.up, self.dec, strict=True):
                x = block(cat([skips.pop(), up(x)], dim=1))
            return self.head(x)

    return Twin()


def loss(logits, target):
    """Cross-entropy plus soft Dice, as `minunet.train.segmentation_loss`."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    p = logits.sigmoid()
    overlap = (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    return binary_cross_entropy_with_logits(logits, target) + 1 - overlap


def training_step(case, channels_last, device):
    """Forward, loss, backward and AdamW, fused into one pass over the parameters."""
    import torch

    base, side, batch = case
    net, images = _ready(twin(base), (batch, 3, side, side), channels_last, device)
    target = (images[:, :1] > 1).float()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2, fused=True)

    def run():
        optimiser.zero_grad()
        value = loss(net(images), target)
        value.backward()
        optimiser.step()
        return value.detach()

    return run


def inference(case, channels_last, device):
    """Probabilities."""
    import torch

    base, side, batch = case
    net, images = _ready(twin(base).eval(), (batch, 3, side, side), channels_last, device)
    return torch.inference_mode()(lambda: net(images).sigmoid())


def convolution(case, channels_last, backward, device):
    """A convolution without bias: y, or both of its gradients."""
    import torch

    side, c, f, batch, *_ = case
    layer = torch.nn.Conv2d(c, f, 3, padding=1, bias=False)
    layer, x = _ready(layer, (batch, c, side, side), channels_last, device)
    if not backward:
        return torch.inference_mode()(lambda: layer(x))
    y = layer(x.requires_grad_())
    dy = y.detach()
    return lambda: torch.autograd.grad(y, (x, layer.weight), dy, retain_graph=True)


def clock(device):
    """Give the clock for work on the device."""
    return event_clock if device == "cuda" else host_clock


def host_clock(run):
    """Give the seconds that ``run()`` takes, by the computer's own clock."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def event_clock(run):
    """Give the seconds that ``run()`` takes on the GPU, by two events in its queue."""
    import torch

    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began.record()
    run()
    ended.record()
    ended.synchronize()
    return began.elapsed_time(ended) / 1e3  # from milliseconds


def reserved():
    """Give the most bytes that PyTorch's pool has taken from the GPU."""
    import torch

    return torch.cuda.max_memory_reserved()


def _ready(net, shape, channels_last, device):
    """Move `net` and random images of a shape (N, C, H, W) to the device, in the layout."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    return (net.to(device, memory_format=layout),
            torch.randn(shape, device=device).contiguous(memory_format=layout))
