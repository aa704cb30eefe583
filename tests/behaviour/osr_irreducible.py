"""Loops that are left in the middle and entered again further out: a unit that starts inside comes to the outer loop's end
by two ways, of which one has seen less of the locals."""

import random


def overlap(prefix):
    """The table of Knuth, Morris and Pratt: `break` leads past the `else` to the outer loop's end."""
    table = [0] * len(prefix)
    for i in range(1, len(prefix)):
        k = table[i - 1]
        while prefix[i] != prefix[k]:
            if k == 0:
                table[i] = 0
                break
            k = table[k - 1]
        else:
            table[i] = k + 1
    return table


def searches(rows, wanted):
    found = []
    for number, row in enumerate(rows):
        where = -1
        at = len(row)
        while at:
            at -= 1
            if row[at] == wanted:
                where = at
                break
            if row[at] is None:
                continue
            last = row[at]
        else:
            found.append((number, last))
            continue
        found.append((number, where))
    return found


def three_deep(n):
    out = 0
    for a in range(n):
        b = a
        while b % 3:
            for c in (1, 2, 3):
                out += c
                if out % 7 == a % 7:
                    break
                if out % 5 == 0:
                    continue
                out += b
            else:
                b -= 1
                continue
            if out % 2:
                break
            b -= 2
            if b < 0:
                b = 0
        else:
            out += 1
            continue
        out ^= a
    return out


def with_handlers(source, n):
    total = 0
    for i in range(n):
        k = i
        while k:
            try:
                if source[k]:
                    total += k
                    break
            except KeyError:
                if k % 3 == 0:
                    break
                if k % 3 == 1:
                    k -= 1
                    continue
            k -= 1
        else:
            total += 1000
        total += i
    return total, i, k


r = random.Random(1)
print(sum(overlap([r.randrange(2) for _ in range(60000)])))
print(sum(overlap("abracadabra" * 4000)))
rows = [[r.choice([None, 1, 2, 3, "x"]) for _ in range(r.randrange(1, 9))] for _ in range(20000)]
print(hash(tuple(searches([[0, *row] for row in rows], "x"))) == hash(tuple(searches([[0, *row] for row in rows], "x"))))
print(searches([[0, *row] for row in rows], "x")[-20:])
print(three_deep(20000))
print(with_handlers({k: k % 2 for k in range(0, 400, 5)}, 20000))
