"""When the arguments of a call die if the callee drops them, and in which order if it does not."""
log = []


class D:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        log.append(self.name)


def dropping(a, b):
    log.append("in")
    a = None
    log.append("a dropped")
    return b


def star(*args, **kwargs):
    log.append("star in")


def plain():
    dropping(D("A"), D("B"))
    log.append("out")


def packed():
    star(D("s1"), D("s2"), k=D("s3"))
    log.append("star out")
    star(*[D("t1")], **{"k": D("t2")})
    log.append("star out")


for case in (plain, packed):
    for k in range(2000):
        log.clear()
        case()
        if k in (0, 1999):
            print(case.__name__, k, log)
