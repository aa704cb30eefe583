"""Deleted and not yet bound locals, globals, cells and handler names."""


def local(n, when):
    x = 1
    for i in range(n):
        if i == when:
            del x
        x
    return "survived"


for _ in range(300):
    local(10, -1)
for when in (-1, 0, 5):
    try:
        print(local(10, when))
    except UnboundLocalError as error:
        print(type(error).__name__, error)


def maybe(flag):
    if flag:
        y = 1
    return y


for _ in range(2000):
    maybe(True)
try:
    maybe(False)
except UnboundLocalError as error:
    print(error)


def handler_name():
    try:
        raise ValueError("x")
    except ValueError as error:
        kept = error
    try:
        return error  # noqa: F821
    except UnboundLocalError as unbound:
        return str(unbound), kept.args


for _ in range(1000):
    result = handler_name()
print(result)


def cell():
    value = 1

    def read():
        return value

    first = read()
    del value
    try:
        read()
    except NameError as error:
        return first, type(error).__name__, str(error)


for _ in range(1000):
    result = cell()
print(result)


def own_cell():
    def inner():
        return later

    try:
        inner()
    except NameError as error:
        message = str(error)
    later = 1
    return message, inner()


for _ in range(1000):
    result = own_cell()
print(result)


def double_delete(n):
    errors = 0
    for i in range(n):
        z = i
        del z
        try:
            del z
        except UnboundLocalError as error:
            errors += 1
            message = str(error)
    return errors, message


print(double_delete(3000))


def loop_variable(items):
    for item in items:
        pass
    return item


for _ in range(2000):
    loop_variable((1, 2))
try:
    loop_variable(())
except UnboundLocalError as error:
    print(error)


def delete_in_loop(n):
    live = []
    for i in range(n):
        a = [i]
        b = a
        del a
        live.append(b[0])
        del b
        if "a" in locals() or "b" in locals():
            return "still bound"
    return sum(live), sorted(locals())


print(delete_in_loop(3000))


def attributes(n):
    class C:
        pass

    o = C()
    log = []
    for i in range(n):
        o.x = i
        del o.x
        if i == n - 1:
            try:
                del o.x
            except AttributeError as error:
                log.append(str(error))
    return log


print(attributes(2000))
counter = 0


def global_delete(n):
    global counter
    misses = 0
    for i in range(n):
        counter = i
        del counter
        try:
            counter
        except NameError:
            misses += 1
    try:
        del counter
    except NameError as error:
        return misses, str(error)


print(global_delete(2000))
