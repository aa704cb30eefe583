"""The settings, for `doctor`: what each is for. eng_settings.c reads them; docs/settings.md explains them."""

SETTINGS = {
    "PYSTON": "off or on at the start",
    "PYSTON_THRESHOLD": "calls before a function is compiled",
    "PYSTON_DUMP": "print what the compiler makes",
    "PYSTON_STRESS": "find mistakes of the engine",
    "PYSTON_CODE_LIMIT": "memory for code",
    "PYSTON_PERF": "names for perf",
    "PYSTON_GC": "how often the garbage collector runs",
    "PYSTON_HUGE_PAGES": "huge pages for objects",
    "PYSTON_COMPILE_THREAD": "a thread that compiles",
    "PYSTON_VERIFY": "check the compiler's steps",
    "PYSTON_SELFTEST_FAIL": "make the self-check fail",
    "PYSTON_OPT_LIMIT": "stop after so many passes of the optimiser",
    "PYSTON_OPT_DISABLE": "leave out passes of the optimiser",
}
