"""Integer algorithms in hot loops, small and arbitrarily large."""
import math


def sieve(n):
    flags = bytearray([1]) * (n + 1)
    flags[0] = flags[1] = 0
    for i in range(2, math.isqrt(n) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, n + 1, i)))
    return sum(flags), [i for i in range(n - 50, n) if flags[i]]


print(sieve(30000))


def collatz(limit):
    best = (0, 0)
    for start in range(1, limit):
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        if steps > best[1]:
            best = start, steps
    return best


print(collatz(1500))


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


print(sum(gcd(i, j) for i in range(1, 120) for j in range(1, 120)), gcd(1 << 200, 6 ** 90), gcd(-12, 18), gcd(0, -5))


def lcg(n):
    x = 12345
    h = 0
    for _ in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) & ((1 << 64) - 1)
        h ^= x >> 33
        h = (h << 5 | h >> 27) & 0xFFFFFFFF
    return x, h


print(lcg(5000))


def bits(n):
    total = 0
    for i in range(-n, n):
        total += (i & 0xFF) - (i | 3) + (i ^ -1) + (~i) + (i >> 3) + (i << 2) + (i & -i) + (abs(i)).bit_length() + (abs(i)).bit_count()
    return total


print(bits(5000))


def factorials(n):
    f, out = 1, []
    for i in range(1, n):
        f *= i
        out.append(f % 1000000007)
    return f.bit_length(), sum(out), sum(map(int, str(f)))


print(factorials(300))


def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


print(fib(90), fib(91), fib(92), fib(93), fib(94), fib(1000) % 10 ** 20)


def powmod(base, exp, mod):
    result = 1
    while exp:
        if exp & 1:
            result = result * base % mod
        base = base * base % mod
        exp >>= 1
    return result


print(powmod(3, 10 ** 50, 10 ** 9 + 7), powmod(2, 1 << 40, (1 << 61) - 1), all(powmod(5, k, 1009) == pow(5, k, 1009) for k in range(1000)))


def knapsack(n, capacity):
    best = [0] * (capacity + 1)
    for i in range(n):
        weight, value = i % 7 + 1, i * 37 % 101
        for c in range(capacity, weight - 1, -1):
            candidate = best[c - weight] + value
            if candidate > best[c]:
                best[c] = candidate
    return best[capacity], sum(best)


print(knapsack(40, 200))


def nqueens(n, row=0, cols=0, d1=0, d2=0):
    if row == n:
        return 1
    count = 0
    free = ~(cols | d1 | d2) & ((1 << n) - 1)
    while free:
        bit = free & -free
        free ^= bit
        count += nqueens(n, row + 1, cols | bit, (d1 | bit) << 1, (d2 | bit) >> 1)
    return count


print([nqueens(n) for n in range(1, 8)])


def digits_near_limits(n):
    """Sums that cross 2**30 and 2**60 back and forth."""
    out = []
    for base in (1 << 15, 1 << 30, 1 << 31, 1 << 45, 1 << 60, 1 << 62, 1 << 63, 1 << 64, 1 << 90):
        x = base
        for i in range(n):
            x += 3 if i & 1 else -2
            x -= 1 if i % 3 else 5
        y = -base
        for i in range(n):
            y = -y - 1
            y = y * -1 + i
        out.append((x - base, y + base, base * base % 1000003, -base // 7, -base % 7, (base - 1) * (base + 1) + 1 == base * base))
    return out


print(digits_near_limits(500))


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


print(edit_distance("kitten" * 10, "sitting" * 10))


def shifts():
    out = []
    for n in (0, 1, 31, 32, 62, 63, 64, 65, 200):
        out.append((1 << n, -1 << n, (1 << 100) >> n, -(1 << 100) >> n, 5 >> n, -5 >> n))
    for bad in (lambda: 1 << -1, lambda: 1 >> -1, lambda: 0 << (1 << 70), lambda: 1 >> (1 << 70), lambda: -1 >> (1 << 70)):
        try:
            out.append(bad())
        except (ValueError, OverflowError) as error:
            out.append(str(error))
    return out


for _ in range(300):
    result = shifts()
print(result)
