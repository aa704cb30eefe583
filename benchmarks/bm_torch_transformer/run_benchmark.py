"""PyTorch on the CPU: a small transformer, written out in Python, generating tokens greedily."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from collections.abc import Callable

from support import inprocess

WIDTH, HEADS, LAYERS, VOCABULARY = 64, 4, 4, 500
PROMPT = [1, 7, 42, 3]
TOKENS = 16


def make_model():
    """The module; a function because its base class is only there once torch is imported."""
    import torch
    from torch import nn

    class Block(nn.Module):
        """Attention and a feed-forward network."""

        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.feed = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x):
            batch, length, _ = x.shape
            parts = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
            query, key, value = parts.unbind(0)
            mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
            return x + self.feed(self.norm2(x))

    class Model(nn.Module):
        """Tokens to scores."""

        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(64, WIDTH)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY)

        def forward(self, tokens):
            x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return Model()


def prepare() -> Callable[[], str]:
    import torch

    torch.manual_seed(2)
    torch.set_num_threads(1)
    model = make_model().eval()

    def generate() -> str:
        tokens = torch.tensor([PROMPT])
        with torch.inference_mode():
            for _ in range(TOKENS):
                best = model(tokens)[:, -1].argmax(dim=-1, keepdim=True)
                tokens = torch.cat([tokens, best], dim=1)
        assert tokens.shape == (1, len(PROMPT) + TOKENS)
        return " ".join(map(str, tokens[0].tolist()))

    return generate


if __name__ == "__main__":
    inprocess.run("torch_transformer", prepare)
