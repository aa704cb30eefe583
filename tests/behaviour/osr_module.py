"""Long loops in a module body: globals as loop variables, changed types, and new names on the way."""
import sys

total = 0
for i in range(200_000):
    total += i & 7
print(total, i)

x = 0.0
n = 0
while n < 100_000:
    x = x + 0.5 * n
    n += 1
print(x, n)

count = 0
for i in range(300):
    for j in range(300):
        if (i ^ j) & 1:
            continue
        if j > i:
            break
        count += 1
    else:
        count += 1000
print(count, i, j)


def helper(v):
    return v + 1


acc = 0
for i in range(60_000):
    acc = helper(acc)
    if i == 30_000:
        def helper(v):
            return v + 2
    if i == 45_000:
        helper = lambda v: v - 1  # noqa: E731
print(acc)

value = 0
kinds = []
for i in range(60_000):
    if i == 20_000:
        value = 0.5
    elif i == 40_000:
        value = 1 << 64
    elif i == 50_000:
        value = True
    value = value + 1
    if i % 10_000 == 9_999:
        kinds.append((type(value).__name__, value))
print(kinds)

for i in range(50_000):
    if i == 25_000:
        made_in_loop = "yes"
    if i == 30_000:
        del total
    globals()["dynamic"] = i
print(made_in_loop, dynamic, "total" in globals())  # noqa: F821

items = []
for i in range(30_000):
    items.append(i * 2)
    if len(items) > 100:
        items.clear()
print(len(items), items[-1])

table = {}
for i in range(50_000):
    table[i % 100] = table.get(i % 100, 0) + i
print(len(table), table[99])

caught = 0
for i in range(50_000):
    try:
        if i % 100 == 0:
            raise ValueError(i)
        1 / (i % 5000 - 4999)
    except ValueError:
        caught += 1
    except ZeroDivisionError as error:
        caught += 1000
        line = error.__traceback__.tb_lineno
    finally:
        caught += 0
print(caught, line)


class Body:
    s = 0
    for k in range(60_000):
        s += k
    t = [s for _ in range(1)] if False else s
    print(s, k, sorted(v for v in locals() if not v.startswith("_")))


text = ""
for i in range(20_000):
    text += chr(97 + i % 26)
print(len(text), text[-5:])

frames = set()
for i in range(30_000):
    if i % 10_000 == 0:
        frames.add((sys._getframe().f_lineno, sys._getframe().f_locals is globals()))
print(sorted(frames))

exec("k = 0\nfor i in range(80000):\n    k += i % 3\nprint(k)")
exec("k = 0.5\nfor i in range(80000):\n    k = k * 0.999 + i\nprint(k)", {})
k = 10
exec("while k < 50000:\n    k += 1\nprint(k, sorted(locals()))", {"k": 0}, {"k": 5})
while True:
    n -= 1
    if n < 0:
        break
print(n)
