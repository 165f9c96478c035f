"""A baseline for text: what the last few characters alone say about the next."""

import math
from collections import Counter


def bits_per_character(train: str, test: str, order: int) -> float:
    """How many bits a character of ``test`` costs a model that counts n-grams of ``train``, up to n = ``order``.

    A context that is rare leans on the shorter one, by how many different characters followed it (Witten and Bell, IEEE
    Transactions on Information Theory 37, 1991, method C, interpolated); the shortest leans on all characters alike.

    >>> bits_per_character("abababab", "abab", order=2) < bits_per_character("abababab", "abab", order=1)
    True
    """
    characters = len(set(train) | set(test))
    counts = [Counter(train[i : i + n] for i in range(len(train) - n + 1)) for n in range(1, order + 1)]
    followed = [Counter[str]() for _ in counts]  # how often a context was seen before something, and before how much
    different = [Counter[str]() for _ in counts]
    for n, count in enumerate(counts):
        for gram, times in count.items():
            followed[n][gram[:-1]] += times
            different[n][gram[:-1]] += 1
    total = 0.0
    for i in range(len(test)):
        share = 1 / characters
        for n in range(min(order, i + 1)):
            gram = test[i - n : i + 1]
            seen, kinds = followed[n][gram[:-1]], different[n][gram[:-1]]
            if seen == 0:
                break  # nor was any longer context
            share = (counts[n][gram] + kinds * share) / (seen + kinds)
        total -= math.log2(share)
    return total / len(test)
