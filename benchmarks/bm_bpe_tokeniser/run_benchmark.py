"""A byte-pair-encoding tokeniser in pure Python: trained on a text, then encoding and decoding it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import random
from collections import Counter
from collections.abc import Callable

from support import inprocess

MERGES = 60
WORDS = 4000


def make_text(generator: random.Random) -> str:
    """Words with the skewed frequencies and the common parts of a language."""
    syllables = [a + b for a in ("b", "st", "k", "m", "tr", "l", "é") for b in ("a", "e", "io", "u", "en")]
    words = ["".join(generator.choices(syllables, k=generator.randrange(1, 5))) for _ in range(600)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return " ".join(generator.choices(words, weights, k=WORDS))


def merge(tokens: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """The tokens with every occurrence of the pair replaced."""
    merged, index, last = [], 0, len(tokens) - 1
    while index <= last:
        if index < last and tokens[index] == pair[0] and tokens[index + 1] == pair[1]:
            merged.append(new)
            index += 2
        else:
            merged.append(tokens[index])
            index += 1
    return merged


def train(words: Counter, merges: int) -> dict[tuple[int, int], int]:
    """The merges, in the order in which they are to be applied."""
    pieces = {word: list(word.encode()) for word in words}
    table: dict[tuple[int, int], int] = {}
    for new in range(256, 256 + merges):
        counts: Counter = Counter()
        for word, tokens in pieces.items():
            for first, second in zip(tokens, tokens[1:]):
                counts[first, second] += words[word]
        if not counts:
            break
        pair = max(counts, key=lambda key: (counts[key], key))
        table[pair] = new
        pieces = {word: merge(tokens, pair, new) for word, tokens in pieces.items()}
    return table


class Tokeniser:
    """Encodes with a table of merges, remembering words."""

    def __init__(self, table: dict[tuple[int, int], int]) -> None:
        self.table = table
        self.bytes = {n: bytes([n]) for n in range(256)}
        for (first, second), new in table.items():
            self.bytes[new] = self.bytes[first] + self.bytes[second]

    def encode_word(self, word: str) -> list[int]:
        tokens = list(word.encode())
        while len(tokens) > 1:
            pairs = set(zip(tokens, tokens[1:]))
            best = min(pairs, key=lambda pair: self.table.get(pair, 1 << 30))
            if best not in self.table:
                break
            tokens = merge(tokens, best, self.table[best])
        return tokens

    def encode(self, text: str) -> list[int]:
        tokens: list[int] = []
        for word in text.split(" "):
            tokens += self.encode_word(word + " ")
        return tokens

    def decode(self, tokens: list[int]) -> str:
        return b"".join(self.bytes[token] for token in tokens).decode()[:-1]


def prepare() -> Callable[[], str]:
    text = make_text(random.Random(5))

    def tokenise() -> str:
        table = train(Counter(word + " " for word in text.split(" ")), MERGES)
        tokeniser = Tokeniser(table)
        tokens = tokeniser.encode(text)
        assert tokeniser.decode(tokens) == text
        assert len(tokens) < len(text) * 0.6, (len(tokens), len(text))
        return " ".join(map(str, tokens))

    return tokenise


if __name__ == "__main__":
    inprocess.run("bpe_tokeniser", prepare)
