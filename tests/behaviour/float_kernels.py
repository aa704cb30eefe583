"""Float loops whose last digit must be CPython's: no fused, reordered or wider arithmetic."""
import math


def nbody(steps):
    bodies = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47], [4.84, -1.16, -0.10, 0.606, 2.81, -0.02, 0.037], [8.34, 4.12, -0.4, -1.01, 1.82, 0.008, 0.011]]
    for _ in range(steps):
        for i, a in enumerate(bodies):
            for b in bodies[i + 1:]:
                dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
                mag = 0.01 * ((dx * dx + dy * dy + dz * dz) ** -1.5)
                am, bm = a[6] * mag, b[6] * mag
                a[3] -= dx * bm
                a[4] -= dy * bm
                a[5] -= dz * bm
                b[3] += dx * am
                b[4] += dy * am
                b[5] += dz * am
        for body in bodies:
            for k in range(3):
                body[k] += 0.01 * body[k + 3]
    return bodies


for row in nbody(600):
    print(row)


def mandelbrot(w, h, limit):
    total, last = 0, None
    for py in range(h):
        for px in range(w):
            x0, y0 = px / w * 3.5 - 2.5, py / h * 2.0 - 1.0
            x = y = 0.0
            n = 0
            while x * x + y * y <= 4.0 and n < limit:
                x, y = x * x - y * y + x0, 2.0 * x * y + y0
                n += 1
            total += n
            last = (x, y, n)
    return total, last


print(mandelbrot(60, 30, 60))


def logistic(r, x, n):
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


print(logistic(3.99, 0.1, 20000), logistic(4.0, 0.3, 20000), logistic(3.7, 0.5, 1))


def sums(n):
    naive = harmonic = alternating = 0.0
    sign = 1.0
    for i in range(1, n):
        naive += 0.1
        harmonic += 1 / i
        alternating += sign / (2 * i - 1)
        sign = -sign
    return naive, harmonic, alternating * 4, math.fsum([0.1] * 10), sum([0.1] * 10)


print(sums(30000))


def no_fma(n):
    out = []
    for i in range(n):
        a, b = 1.0 + i * 2.0 ** -30, 1.0 - i * 2.0 ** -30
        out.append(a * b - 1.0)
    return sum(out), out[7], out[-1]


print(no_fma(4000))


def underflow(n):
    x, steps = 1.0, 0
    while x > 0.0 and steps < n:
        x *= 0.5
        steps += 1
    y = 1.0
    while y != math.inf:
        y *= 1.5
        steps += 1
    return steps, x, y, y - y, 5e-324 / 2, 5e-324 * 0.6, 2.2250738585072014e-308 / 3.0


print(underflow(3000))


def matmul(n):
    a = [[(i * j % 7) / 3.0 for j in range(n)] for i in range(n)]
    b = [[(i + j) / 7.0 for j in range(n)] for i in range(n)]
    c = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            s = 0.0
            for k in range(n):
                s += a[i][k] * b[k][j]
            c[i][j] = s
    return c[0][0], c[-1][-1], sum(map(sum, c))


print(matmul(24))


def functions(n):
    t = 0.0
    for i in range(n):
        x = i * 0.01
        t += math.sin(x) * math.cos(x) + math.sqrt(x) - math.atan2(x, 2.0) + math.exp(-x) + abs(-x) + x ** 0.5 + x % 0.3 + x // 0.3
        t -= math.floor(x) + math.ceil(x) + int(x) + round(x, 1) + max(x, 1.0) + min(x, 2) + math.hypot(x, 1) + float(i) + pow(x, 2)
    return t


print(functions(5000))


def newton(values):
    out = []
    for v in values:
        x = v
        for _ in range(40):
            x = 0.5 * (x + v / x)
        out.append(x)
    return out


print(newton([2.0, 1e300, 1e-300, 3, 10 ** 20]))


def comparisons(n):
    hits = [0] * 6
    x, y = 0.0, 1.0
    for i in range(n):
        x += 0.3
        y = y + 0.29 if i % 7 else y - 0.01
        hits[0] += x < y
        hits[1] += x <= y
        hits[2] += x == y
        hits[3] += x != y
        hits[4] += x > y
        hits[5] += not (x >= y)
    return hits


print(comparisons(5000))
