"""Object-heavy programs in small: a scheduler, a linked list, a tree, a parser, a grid."""
import heapq


class Task:
    queue = []
    order = 0

    def __init__(self, name, priority, work):
        self.name, self.priority, self.work = name, priority, work
        Task.order += 1
        self.order = Task.order

    def __lt__(self, other):
        return (self.priority, self.order) < (other.priority, other.order)

    def step(self):
        self.work -= 1
        self.priority += self.work % 3
        return self.work > 0


def schedule(n):
    heap = []
    for i in range(n):
        heapq.heappush(heap, Task(f"t{i}", i * 7 % 11, i % 5 + 1))
    steps, trace = 0, 0
    while heap:
        task = heapq.heappop(heap)
        steps += 1
        trace = (trace * 31 + task.priority * 7 + int(task.name[1:])) % 1000003
        if task.step():
            heapq.heappush(heap, task)
    return steps, trace


print(schedule(400))


class Tree:
    def __init__(self, key, value):
        self.key, self.value, self.left, self.right = key, value, None, None

    def insert(self, key, value):
        if key == self.key:
            self.value = value
        elif key < self.key:
            if self.left is None:
                self.left = Tree(key, value)
            else:
                self.left.insert(key, value)
        elif self.right is None:
            self.right = Tree(key, value)
        else:
            self.right.insert(key, value)

    def walk(self):
        if self.left:
            yield from self.left.walk()
        yield self.key, self.value
        if self.right:
            yield from self.right.walk()

    def depth(self):
        return 1 + max(self.left.depth() if self.left else 0, self.right.depth() if self.right else 0)


def trees(n):
    root = Tree(500, "root")
    x = 7
    for i in range(n):
        x = x * 1103515245 + 12345 & 0x7FFFFFFF
        root.insert(x % 1000, i)
    items = list(root.walk())
    return len(items), root.depth(), items[:2], items == sorted(items)


print(trees(1500))


class Parser:
    def __init__(self, text):
        self.tokens, self.pos = text.replace("(", " ( ").replace(")", " ) ").split(), 0

    @property
    def token(self):
        return self.tokens[self.pos] if self.pos < len(self.tokens) else None

    def eat(self, expected=None):
        token = self.token
        if expected and token != expected:
            raise SyntaxError(f"expected {expected}, got {token}")
        self.pos += 1
        return token

    def expression(self):
        value = self.term()
        while self.token in ("+", "-"):
            value = value + self.term() if self.eat() == "+" else value - self.term()
        return value

    def term(self):
        value = self.factor()
        while self.token in ("*", "/"):
            value = value * self.factor() if self.eat() == "*" else value / self.factor()
        return value

    def factor(self):
        if self.token == "(":
            self.eat()
            value = self.expression()
            self.eat(")")
            return value
        if self.token == "-":
            self.eat()
            return -self.factor()
        return float(self.eat())


for _ in range(150):
    result = Parser("1 + 2 * ( 3 - 4 / ( 5 + - 6 ) ) * 7 - 8 / 3").expression()
print(result)
for text in ("1 + ( 2", "1 / 0", "1 + x", "1 +"):
    try:
        Parser(text).expression()
    except Exception as error:
        print(type(error).__name__, error)


def life(n, generations):
    cells = {(i, j) for i in range(n) for j in range(n) if (i * 3 + j * 5) % 7 < 3}
    for _ in range(generations):
        counts = {}
        for x, y in cells:
            for dx in (-1, 0, 1):
                for dy in (-1, 0, 1):
                    if dx or dy:
                        key = (x + dx, y + dy)
                        counts[key] = counts.get(key, 0) + 1
        cells = {c for c, k in counts.items() if k == 3 or k == 2 and c in cells}
    return len(cells), sorted(cells)[:3]


print(life(12, 12))


class Node:
    __slots__ = ("value", "next")

    def __init__(self, value, next=None):
        self.value, self.next = value, next


def linked(n):
    head = None
    for i in range(n):
        head = Node(i, head)
    previous = None
    while head:
        head.next, previous, head = previous, head, head.next
    total, k, node = 0, 0, previous
    while node:
        total += node.value * k
        k, node = k + 1, node.next
    return total


print(linked(3000))


class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, o):
        return Vector(self.x + o.x, self.y + o.y)

    def __mul__(self, k):
        return Vector(self.x * k, self.y * k)

    def __eq__(self, o):
        return isinstance(o, Vector) and self.x == o.x and self.y == o.y

    def __hash__(self):
        return hash((self.x, self.y))

    def norm2(self):
        return self.x * self.x + self.y * self.y


def vectors(n):
    p, v = Vector(1.0, 0.0), Vector(0.0, 1.0)
    seen = set()
    for i in range(n):
        a = p * -1.0
        v = v + a * 0.01
        p = p + v * 0.01
        if i % 500 == 0:
            seen.add(p)
    return p.x, p.y, p.norm2() > 0.5, len(seen)


print(vectors(4000))


class Event(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def events(n):
    handlers = {"add": lambda s, e: s.update(total=s["total"] + e.amount), "reset": lambda s, e: s.update(total=0), "noop": lambda s, e: None}
    state = {"total": 0}
    for i in range(n):
        event = Event(kind=("add", "noop", "add", "reset")[i % 4] if i % 40 > 3 else "noop", amount=i)
        handlers[event.kind](state, event)
        if not hasattr(event, "missing"):
            state["misses"] = state.get("misses", 0) + 1
    return state


print(events(1203))
