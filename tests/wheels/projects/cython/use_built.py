"""Uses the built module: loops, a type, generators, coroutines and an error through both languages."""

import asyncio
import traceback

import built


async def value(n):
    await asyncio.sleep(0)
    return built.collatz(n)


class Named(built.Matrix):
    name = "named"


def main():
    print(max((built.collatz(n), n) for n in range(1, 5000)))
    matrix = Named(1, 1, 1, 0)
    for _ in range(40):
        matrix = matrix @ built.Matrix(1, 1, 1, 0)
    print(list(matrix.values()), Named(1, 2, 3, 4).name)
    print(asyncio.run(built.gather([value(n) for n in range(1, 200)])))
    try:
        built.divide_all([3, 2, 1, 0], lambda item: item)
    except ZeroDivisionError:
        print("".join(line for line in traceback.format_exc().splitlines(True) if "File" not in line))
