/* hir_tool: reads HIR as text, runs passes, prints HIR. For golden tests and for reproducing dumps.
 *
 *   hir_tool [PASS ...] < in.hir
 *
 * PASS is a pass's name, `all` for the whole list, or `reparse` (prints and parses again). The verifier
 * runs on the input and after every pass; on a failure its message goes to standard error and the
 * exit code is 1. `--no-verify` first: only parse and print. `--time N` first: run the whole list N times and
 * print nanoseconds per instruction. */
#include <Python.h>

#include <time.h>

#include "opt.h"

static char *read_all(FILE *in)
{
    size_t n = 0, cap = 1 << 16;
    char *text = malloc(cap);
    for (size_t got; text && (got = fread(text + n, 1, cap - n - 1, in)) > 0;) {
        n += got;
        if (n + 1 == cap) {
            text = realloc(text, cap *= 2);
        }
    }
    if (text) {
        text[n] = 0;
    }
    return text;
}

static int verify(HirFunc *f, const char *when)
{
    StrBuf err = SB_INIT;
    int ok = hir_verify(f, &err);
    if (!ok) {
        StrBuf text = SB_INIT;
        hir_print(f, &text);
        fprintf(stderr, "%s: %s\n%s", when, sb_str(&err), sb_str(&text));
        sb_free(&text);
    }
    sb_free(&err);
    return ok;
}

static HirFunc *parse(Arena *a, const char *text)
{
    StrBuf err = SB_INIT;
    HirFunc *f = hir_parse(a, text, &err);
    if (!f) {
        fprintf(stderr, "parse: %s\n", sb_str(&err));
    } else {
        hir_analyze(f);
    }
    sb_free(&err);
    return f;
}

static int time_passes(Arena *a, const char *text, int rounds)
{
    uint64_t total = 0, nins = 0;
    for (int k = 0; k < rounds; k++) {
        HirFunc *f = parse(a, text);
        if (!f) {
            return 1;
        }
        nins += f->nins;
        struct timespec t0, t1;
        clock_gettime(CLOCK_MONOTONIC, &t0);
        OptOptions opts = {0};
        opt_run(f, &opts);
        clock_gettime(CLOCK_MONOTONIC, &t1);
        total += (uint64_t)(t1.tv_sec - t0.tv_sec) * 1000000000u + (uint64_t)t1.tv_nsec -
                 (uint64_t)t0.tv_nsec;
        arena_free(a);
    }
    printf("%.1f ns per HIR instruction\n", (double)total / (double)nins);
    return 0;
}

static int run(Arena *a, HirFunc *f, int argc, char **argv, bool check)
{
    if (check && !verify(f, "input")) {
        return 1;
    }
    for (int k = 0; k < argc; k++) {
        if (!strcmp(argv[k], "reparse")) {
            StrBuf text = SB_INIT;
            hir_print(f, &text);
            f = parse(a, sb_str(&text));
            sb_free(&text);
            if (!f) {
                return 1;
            }
        } else if (!strcmp(argv[k], "all")) {
            OptOptions opts = {.verify = check};
            opt_run(f, &opts);
        } else if (!opt_run_one(f, argv[k])) {
            fprintf(stderr, "no pass %s\n", argv[k]);
            return 2;
        }
        if (check && !verify(f, argv[k])) {
            return 1;
        }
    }
    StrBuf out = SB_INIT;
    hir_print(f, &out);
    fputs(sb_str(&out), stdout);
    sb_free(&out);
    return 0;
}

int main(int argc, char **argv)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    char *text = read_all(stdin);
    Arena arena;
    arena_init(&arena, 0, NULL);
    int rc = 1;
    if (argc > 2 && !strcmp(argv[1], "--time")) {
        rc = time_passes(&arena, text, atoi(argv[2]));
    } else {
        bool check = !(argc > 1 && !strcmp(argv[1], "--no-verify"));
        HirFunc *f = parse(&arena, text);
        if (f) {
            rc = run(&arena, f, argc - 1 - !check, argv + 1 + !check, check);
        }
    }
    arena_free(&arena);
    free(text);
    return rc;
}
