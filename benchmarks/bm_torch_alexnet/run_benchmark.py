"""PyTorch on the CPU: inference of a network of AlexNet's shape, with random weights."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable

from support import inprocess


def prepare() -> Callable[[], bytes]:
    import torch
    from torch import nn

    torch.manual_seed(1)
    torch.set_num_threads(1)
    model = nn.Sequential(
        *(nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(
            nn.AdaptiveAvgPool2d((6, 6)),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
        ),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 1000)),
    ).eval()
    image = torch.rand(1, 3, 224, 224)

    def infer() -> bytes:
        with torch.inference_mode():
            scores = model(image)
        assert scores.shape == (1, 1000) and bool(scores.isfinite().all())
        return scores.numpy().tobytes()

    return infer


if __name__ == "__main__":
    inprocess.run("torch_alexnet", prepare)
