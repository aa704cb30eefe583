"""Floor division, modulo and true division: signs, zero, and values beyond a word or a double."""


def table(pairs):
    out = []
    for a, b in pairs:
        try:
            out.append((a // b, a % b, divmod(a, b), a / b))
        except ZeroDivisionError as error:
            out.append(str(error))
        except OverflowError as error:
            out.append(str(error))
    return out


small = [(7, 2), (-7, 2), (7, -2), (-7, -2), (0, 5), (6, 3), (-6, 3), (1, 7), (-1, 7)]
for _ in range(2000):
    table(small)
print(table(small))
print(table([(7, 0), (-(1 << 63), -1), (1 << 63, 3), (-(1 << 64) - 1, 1 << 62), (10 ** 400, 3), (10 ** 400, 10 ** 399)]))
print(table([(7.5, 2), (-7.5, 2), (7.5, -2), (1e308, 1e-10), (5.0, 0.0), (0.0, -3.0), (-0.0, 3.0), (5, 0.0), (True, 2)]))


def find_zero(values):
    for position, value in enumerate(values):
        100 // value
    return position


values = [3] * 5000 + [0] + [4] * 10
for _ in range(20):
    try:
        find_zero(values)
    except ZeroDivisionError as error:
        print(error, error.__traceback__.tb_next.tb_lineno, error.__traceback__.tb_next.tb_frame.f_locals["position"])
        break


def remainders(n):
    acc = 0
    for i in range(-n, n):
        acc = acc * 3 + i % 7 - i // 5 + (i % -4) * (i // -3)
        acc %= 1000003
    return acc


print(remainders(10), remainders(20000))
