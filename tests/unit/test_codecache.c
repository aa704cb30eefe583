/* The code cache: what the kernel says of its pages, the cap, reuse, lookup, fork, and what
 * profilers, debuggers and the unwinder get to see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include <cmocka.h>

#include "codecache.h"
#include "x64.h"

static CodeCache *cc;

static int create(void **state)
{
    (void)state;
    const char *error;
    cc = cc_create((void *)&create, 4 << 20, &error);
    return cc ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    cc_destroy(cc);
    cc = NULL;
    return 0;
}

typedef int (*Fn)(void);

static int run(const CodeBlob *b)
{
    Fn f;
    memcpy(&f, &b->hot, sizeof f);
    return f();
}

/* A blob that returns `value`, padded to the given sizes. */
static CodeBlob *install(int value, uint32_t hot, uint32_t cold, const char *name)
{
    CodeBlob *b = cc_alloc(cc, hot, cold, name, NULL);
    if (b == NULL) {
        return NULL;
    }
    CcWindow w;
    assert_int_equal(cc_open(cc, b, &w), 0);
    memset(w.hot, 0x90, hot);
    w.hot[0] = 0xb8; /* mov eax, value; ret */
    memcpy(w.hot + 1, &value, 4);
    w.hot[5] = 0xc3;
    if (cold) {
        memset(w.cold, 0xc3, cold);
    }
    assert_int_equal(cc_close(cc, &w), 0);
    cc_publish(cc, b);
    return b;
}

/* ---- what the kernel says ------------------------------------------------------------------ */

typedef struct Pages {
    unsigned mappings;
    unsigned write_exec; /* in the whole process */
    size_t readable, writable, executable;
} Pages;

static Pages look(void)
{
    Pages p = {0};
    uintptr_t lo, hi;
    cc_range(cc, &lo, &hi);
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    char line[512];
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        char perm[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, perm) != 3) {
            continue;
        }
        if (perm[1] == 'w' && perm[2] == 'x') {
            p.write_exec++;
        }
        if (from >= lo && to <= hi) {
            assert_int_equal(perm[3], 'p'); /* private: fork gives the child its own */
            p.mappings++;
            p.readable += perm[0] == 'r' ? to - from : 0;
            p.writable += perm[1] == 'w' ? to - from : 0;
            p.executable += perm[2] == 'x' ? to - from : 0;
        }
    }
    fclose(f);
    return p;
}

static void test_never_writable_and_executable(void **state)
{
    (void)state;
    Pages p = look();
    assert_int_equal(p.executable + p.readable, 0); /* reserved only */
    CodeBlob *b = install(1, 100, 50, "b");
    p = look();
    assert_int_equal(p.write_exec + p.writable, 0);
    assert_true(p.executable > 0);
    CodeBlob *c = cc_alloc(cc, 10000, 5000, "c", NULL);
    size_t before = p.executable;
    CcWindow w;
    assert_int_equal(cc_open(cc, c, &w), 0);
    p = look();
    assert_int_equal(p.write_exec, 0);
    assert_true(p.writable >= 15000);
    assert_true(p.executable + p.writable == before); /* the rest stays executable */
    assert_true(p.readable == before);                /* unwinders may read all of it */
    memset(w.hot, 0xc3, 10000);
    memset(w.cold, 0xc3, 5000);
    assert_int_equal(cc_close(cc, &w), 0);
    p = look();
    assert_int_equal(p.write_exec + p.writable, 0);
    assert_int_equal(run(b), 1);
    /* Patching opens the page in question only. */
    assert_int_equal(cc_open_range(cc, b->hot + 1, 4, &w), 0);
    p = look();
    assert_int_equal(p.write_exec, 0);
    assert_int_equal(p.writable, sysconf(_SC_PAGESIZE));
    w.hot[0] = 99;
    assert_int_equal(cc_close(cc, &w), 0);
    assert_int_equal(run(b), 99);
}

/* Several blobs behind one pair of mprotect calls, some of them far from each other: what is writable is one piece at any time. */
static void test_batch(void **state)
{
    (void)state;
    enum { N = 60 };
    CodeBlob *early = install(1, 20000, 0, "early"), *between = install(2, 300 << 10, 0, "between");
    CodeBlob *b[N], *in_hole = NULL;
    cc_free(cc, early, true);
    cc_begin(cc);
    Pages p = look();
    assert_int_equal(p.writable, 0);
    for (int i = 0; i < N; i++) {
        b[i] = install(1000 + i, i % 3 == 0 ? 30000 : 100, i % 2 ? 64 : 0, "batch");
        p = look();
        assert_int_equal(p.write_exec, 0);
        assert_true(p.writable > 0 && p.executable > 0);
        if (i == 30) {
            cc_free(cc, b[i], true);
            b[i] = install(1000 + i, 200, 0, "in its place");
        }
    }
    in_hole = install(3, 5000, 0, "in the hole");
    assert_int_equal(cc_end(cc), 0);
    p = look();
    assert_int_equal(p.write_exec + p.writable, 0);
    assert_int_equal(run(between), 2);
    assert_int_equal(run(in_hole), 3);
    for (int i = 0; i < N; i++) {
        assert_int_equal(run(b[i]), 1000 + i);
    }
    cc_begin(cc); /* nothing in it */
    assert_int_equal(cc_end(cc), 0);
    assert_int_equal(run(install(4, 100, 0, "alone again")), 4);
}

/* Opening and closing windows must not leave the range in pieces: there is a limit on mappings. */
static void test_mappings_stay_few(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        assert_non_null(install(i, 700, 300, "x"));
    }
    assert_true(look().mappings <= 8);
}

static void test_near(void **state)
{
    (void)state;
    assert_true(cc_reaches(cc, (void *)&create));
    uintptr_t lo, hi;
    cc_range(cc, &lo, &hi);
    assert_true(hi - lo >= 4 << 20);
    assert_false(cc_reaches(cc, (void *)(lo + ((uintptr_t)3 << 30))));
    assert_false(cc_reaches(cc, (void *)(hi + ((uintptr_t)2 << 30))));
    /* Reach is about every place of the range, so its ends are what matters. */
    assert_true(cc_reaches(cc, (void *)(lo + ((uintptr_t)1 << 31) - 1)));
    assert_false(cc_reaches(cc, (void *)(lo + ((uintptr_t)1 << 31))));
    /* Near a shared library, too. */
    const char *error;
    void *in_libc = dlsym(RTLD_DEFAULT, "qsort_r");
    assert_non_null(in_libc);
    CodeCache *near_libc = cc_create(in_libc, 64 << 20, &error);
    assert_non_null(near_libc);
    assert_true(cc_reaches(near_libc, in_libc));
    cc_destroy(near_libc);
    /* And with no wish at all. */
    CodeCache *anywhere = cc_create(NULL, 1 << 20, &error);
    assert_non_null(anywhere);
    cc_destroy(anywhere);
}

/* malloc's main heap must be able to grow although the range is near. */
static void test_heap_can_grow(void **state)
{
    (void)state;
    static char in_program;
    const char *error;
    /* Often too large for the random gap between a program and its heap. */
    CodeCache *large = cc_create(&in_program, (size_t)600 << 20, &error);
    assert_non_null(large);
    assert_true(cc_reaches(large, &in_program));
    char *before = sbrk(0);
    bool grew = sbrk(128 << 20) != (void *)-1;
    cc_destroy(large);
    assert_true(grew);
    assert_int_equal(brk(before), 0);
}

/* ---- accounting and reuse ------------------------------------------------------------------ */

static void test_cap(void **state)
{
    (void)state;
    CcStats s;
    cc_stats(cc, &s);
    assert_int_equal(s.code_bytes + s.meta_bytes + s.blobs, 0);
    enum { MAX = 4096 };
    static CodeBlob *blobs[MAX];
    int n = 0;
    while ((blobs[n] = install(n, 2000, 1000, "filler"))) {
        n++;
        assert_true(n < MAX);
    }
    cc_stats(cc, &s);
    assert_true(n > (4 << 20) / 3072 * 3 / 4); /* most of the cap is usable */
    assert_int_equal(s.blobs, n);
    assert_int_equal(s.installed, n);
    assert_int_equal(s.refused, 1);
    assert_true(s.code_bytes + s.meta_bytes <= s.limit);
    assert_true(s.committed >= s.code_bytes);
    for (int i = 0; i < n; i++) {
        assert_int_equal(run(blobs[i]), i);
    }
    /* Room comes back, and is found again although it is in pieces. */
    size_t full = s.code_bytes;
    for (int i = 0; i < n; i += 2) {
        cc_free(cc, blobs[i], true);
    }
    for (int i = 0; i < n; i += 2) {
        blobs[i] = install(-i, 2000, 1000, "filler");
        assert_non_null(blobs[i]);
    }
    cc_stats(cc, &s);
    assert_int_equal(s.code_bytes, full);
    for (int i = 0; i < n; i++) {
        assert_int_equal(run(blobs[i]), i % 2 ? i : -i);
    }
    for (int i = 0; i < 2 * n; i++) { /* every second one, then those between two free ones */
        if (i % 2 == i / n) {
            cc_free(cc, blobs[i % n], true);
        }
    }
    cc_stats(cc, &s);
    assert_int_equal(s.code_bytes + s.meta_bytes + s.blobs, 0);
    assert_true(s.peak_bytes <= s.limit && s.peak_bytes >= full);
    /* All pieces have merged: one blob as large as the hot side has become. */
    CodeBlob *big = install(5, 2 << 20, 16, "big");
    assert_non_null(big);
    assert_int_equal(run(big), 5);
}

static void test_metadata_counts(void **state)
{
    (void)state;
    CcStats s;
    void *p = cc_meta_alloc(cc, 3 << 20);
    assert_non_null(p);
    assert_null(cc_meta_alloc(cc, 2 << 20));
    assert_true(cc_full(cc, 2 << 20));
    assert_false(cc_full(cc, 1 << 19));
    assert_null(cc_alloc(cc, 2 << 20, 0, "x", NULL));
    cc_stats(cc, &s);
    assert_int_equal(s.meta_bytes, 3 << 20);
    assert_int_equal(s.refused, 2);
    cc_meta_free(cc, p, 3 << 20);
    cc_meta_free(cc, NULL, 100);
    cc_stats(cc, &s);
    assert_int_equal(s.meta_bytes, 0);
    assert_true(cc_full(cc, SIZE_MAX));
}

static void test_limit_from_env(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t mib;
    } cases[] = {{"1", 1},   {"7", 7}, {"1024", 1024}, {"1025", 64}, {"0", 64},
                 {"-3", 64}, {"", 64}, {"x", 64},      {"5x", 64},   {"99999999999999999999", 64}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("PYSTON_CODE_LIMIT", cases[i].text, 1);
        assert_int_equal(cc_limit_from_env(), cases[i].mib << 20);
    }
    unsetenv("PYSTON_CODE_LIMIT");
    assert_int_equal(cc_limit_from_env(), (size_t)64 << 20);
}

/* Random allocation and freeing against a model: contents stay, nothing overlaps, lookup is
 * exact at the edges. */
static void test_random_use(void **state)
{
    (void)state;
    enum { N = 200 };
    CodeBlob *blobs[N] = {0};
    int values[N];
    uint32_t seed = 99;
    for (int step = 0; step < 4000; step++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t i = (seed >> 8) % N;
        if (blobs[i]) {
            uintptr_t hot = blobs[i]->hot, cold = blobs[i]->cold;
            assert_int_equal(run(blobs[i]), values[i]);
            cc_free(cc, blobs[i], true);
            blobs[i] = NULL;
            assert_null(cc_find(cc, hot));
            assert_true(cold == 0 || cc_find(cc, cold) == NULL);
            assert_int_equal(*(uint8_t *)hot, 0xcc); /* stale code traps */
            continue;
        }
        uint32_t hot = 6 + (seed >> 10) % 3000, cold = seed & 1 ? (seed >> 12) % 900 : 0;
        values[i] = step;
        blobs[i] = install(step, hot, cold, "random");
        assert_non_null(blobs[i]);
        CodeBlob *b = blobs[i];
        assert_int_equal(b->hot % 64, 0);
        assert_int_equal(b->cold % 16, 0);
        assert_ptr_equal(cc_find(cc, b->hot), b);
        assert_ptr_equal(cc_find(cc, b->hot + hot - 1), b);
        if (b->cold != b->hot + hot) {
            assert_ptr_not_equal(cc_find(cc, b->hot + hot), b);
        }
        assert_ptr_not_equal(cc_find(cc, b->hot - 1), b);
        if (cold) {
            assert_ptr_equal(cc_find(cc, b->cold), b);
            assert_ptr_equal(cc_find(cc, b->cold + cold - 1), b);
            assert_ptr_not_equal(cc_find(cc, b->cold + cold), b);
        } else {
            assert_int_equal(b->cold, 0);
        }
    }
    uintptr_t lo, hi;
    cc_range(cc, &lo, &hi);
    assert_null(cc_find(cc, lo - 1));
    assert_null(cc_find(cc, hi));
    assert_null(cc_find(cc, 0));
}

static void count_blob(CodeBlob *b, void *ctx)
{
    uintptr_t *last = ctx;
    assert_true(b->hot > last[0]);
    last[0] = b->hot;
    last[1]++;
}

static void test_each(void **state)
{
    (void)state;
    CodeBlob *b[10];
    for (int i = 0; i < 10; i++) {
        b[i] = install(i, 100, 100, NULL);
    }
    cc_free(cc, b[4], true);
    cc_free(cc, NULL, true);
    uintptr_t ctx[2] = {0, 0};
    cc_each(cc, count_blob, ctx);
    assert_int_equal(ctx[1], 9);
}

/* ---- fork ---------------------------------------------------------------------------------- */

/* Runs fn in a child; gives its exit status, or -1 for a signal. */
static int in_child(int (*fn)(void *), void *arg)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(fn(arg));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int child_rewrites(void *arg)
{
    CodeBlob **b = arg;
    if (run(b[0]) != 10 || run(b[1]) != 11) {
        return 1; /* inherited code must run */
    }
    CcWindow w;
    if (cc_open_range(cc, b[0]->hot + 1, 4, &w) < 0) {
        return 2;
    }
    w.hot[0] = 77;
    if (cc_close(cc, &w) < 0) {
        return 3;
    }
    uintptr_t place = b[1]->hot;
    cc_free(cc, b[1], true);
    CodeBlob *mine = install(55, 100, 20, "mine");
    if (mine == NULL || mine->hot != place) {
        return 4;
    }
    return run(b[0]) == 77 && run(mine) == 55 && run(b[2]) == 12 ? 0 : 5;
}

static void test_fork(void **state)
{
    (void)state;
    CodeBlob *b[3];
    for (int i = 0; i < 3; i++) {
        b[i] = install(10 + i, 100, 20, "b");
    }
    assert_int_equal(in_child(child_rewrites, b), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(b[i]), 10 + i); /* the child changed nothing here */
    }
    assert_non_null(install(1, 100, 20, "c"));
}

/* ---- where generated code is not allowed ---------------------------------------------------- */

/* As systemd's MemoryDenyWriteExecute does: mprotect with PROT_EXEC is refused. */
static int child_without_exec(void *arg)
{
    (void)arg;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        return 77;
    }
    /* A new cache says no. */
    const char *error = NULL;
    CodeCache *none = cc_create(NULL, 1 << 20, &error);
    if (none != NULL || error == NULL || strstr(error, "not allow") == NULL) {
        return 1;
    }
    /* A living one that loses the right while open says so, and gives no more code. */
    CodeBlob *b = cc_alloc(cc, 100, 20, "b", NULL); /* from the chunk that is there */
    CcWindow w;
    if (b == NULL || cc_open(cc, b, &w) < 0) {
        return 2;
    }
    if (cc_close(cc, &w) == 0 || !cc_broken(cc) || cc_alloc(cc, 10, 0, "c", NULL) != NULL) {
        return 3;
    }
    return cc_full(cc, 1) && cc_open(cc, b, &w) < 0 ? 0 : 4;
}

static void test_refused(void **state)
{
    (void)state;
    install(1, 100, 20, "first");
    int status = in_child(child_without_exec, NULL);
    if (status == 77) {
        print_message("seccomp is not available\n");
        skip();
    }
    assert_int_equal(status, 0);
    const char *error = NULL; /* a limit beyond the address space */
    struct rlimit old, low;
    getrlimit(RLIMIT_AS, &old);
    low = old;
    low.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_AS, &low);
    CodeCache *none = cc_create(NULL, 512 << 20, &error);
    setrlimit(RLIMIT_AS, &old);
    assert_null(none);
    assert_non_null(error);
}

/* ---- perf ---------------------------------------------------------------------------------- */

/* Number of lines of a process's map that name `name` at `at` with `size`. */
static int perf_lines(pid_t pid, uintptr_t at, uint32_t size, const char *name)
{
    char path[64], line[600], want[600];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)pid);
    snprintf(want, sizeof want, "%lx %x pyston::%s\n", (unsigned long)at, size, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return -1;
    }
    int n = 0;
    while (fgets(line, sizeof line, f)) {
        n += strcmp(line, want) == 0;
    }
    fclose(f);
    return n;
}

static void remove_map(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)pid);
    unlink(path);
}

static int child_perf(void *arg)
{
    CodeBlob *b = arg;
    CodeBlob *mine = install(1, 64, 0, "in child");
    int ok = mine && perf_lines(getpid(), mine->hot, 64, "in child") == 1 &&
             perf_lines(getpid(), b->hot, 100, "before") == 1 &&
             perf_lines(getppid(), mine->hot, 64, "in child") == 0;
    remove_map(getpid());
    return ok ? 0 : 1;
}

static int child_perf_hook(void *arg)
{
    CodeBlob *b = arg;
    cc_after_fork_child(cc);
    cc_after_fork_child(cc); /* once is enough */
    int ok = perf_lines(getpid(), b->hot, 100, "before") == 1;
    remove_map(getpid());
    return ok ? 0 : 1;
}

static void test_perf(void **state)
{
    (void)state;
    remove_map(getpid());
    CodeBlob *before = install(1, 100, 20, "before");
    assert_int_equal(perf_lines(getpid(), before->hot, 100, "before"), -1); /* off: no file */
    assert_int_equal(cc_enable_perf_map(cc), 0);
    assert_int_equal(cc_enable_perf_map(cc), 0);
    CodeBlob *after = install(1, 200, 0, "after\nname");
    char long_name[2000];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    install(1, 64, 0, long_name);
    CodeBlob *last = install(1, 64, 0, "last");
    pid_t pid = getpid();
    assert_int_equal(perf_lines(pid, before->hot, 100, "before"), 1);
    assert_int_equal(perf_lines(pid, before->cold, 20, "before [cold]"), 1);
    assert_int_equal(perf_lines(pid, after->hot, 200, "after?name"), 1);
    assert_int_equal(perf_lines(pid, last->hot, 64, "last"), 1);
    assert_int_equal(in_child(child_perf, before), 0);
    assert_int_equal(in_child(child_perf_hook, before), 0);
    remove_map(pid);
}

/* A link in /tmp is not followed. */
static int child_perf_link(void *arg)
{
    (void)arg;
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    char victim[64];
    snprintf(victim, sizeof victim, "/tmp/pyston-test-victim-%d", (int)getpid());
    unlink(path);
    if (symlink(victim, path) < 0) {
        return 1;
    }
    int refused = cc_enable_perf_map(cc) < 0;
    int untouched = access(victim, F_OK) < 0;
    unlink(path);
    unlink(victim);
    return refused && untouched ? 0 : 2;
}

static void test_perf_link(void **state)
{
    (void)state;
    assert_int_equal(in_child(child_perf_link, NULL), 0);
    setenv("PYSTON_PERF", "1", 1);
    assert_true(cc_perf_wanted());
    setenv("PYSTON_PERF", "0", 1);
    assert_false(cc_perf_wanted());
    unsetenv("PYSTON_PERF");
    assert_false(cc_perf_wanted());
}

/* ---- gdb ----------------------------------------------------------------------------------- */

struct jit_code_entry {
    struct jit_code_entry *next_entry, *prev_entry;
    const char *symfile_addr;
    uint64_t symfile_size;
};
extern struct {
    uint32_t version, action_flag;
    struct jit_code_entry *relevant_entry, *first_entry;
} __jit_debug_descriptor;

static int gdb_entries(void)
{
    int n = 0;
    struct jit_code_entry *prev = NULL;
    for (struct jit_code_entry *e = __jit_debug_descriptor.first_entry; e; e = e->next_entry) {
        assert_ptr_equal(e->prev_entry, prev);
        assert_memory_equal(e->symfile_addr, "\177ELF", 4);
        prev = e;
        n++;
    }
    return n;
}

static void test_gdb_list(void **state)
{
    (void)state;
    CcStats s, t;
    CodeBlob *a = install(1, 100, 20, "a");
    assert_int_equal(gdb_entries(), 0);
    cc_stats(cc, &s);
    cc_enable_gdb(cc);
    assert_int_equal(gdb_entries(), 1);
    CodeBlob *b = install(2, 100, 0, "b"), *c = install(3, 100, 0, "c");
    assert_int_equal(gdb_entries(), 3);
    cc_free(cc, b, true);
    assert_int_equal(gdb_entries(), 2);
    cc_free(cc, c, true);
    cc_stats(cc, &t);
    assert_true(t.meta_bytes > s.meta_bytes); /* the object counts against the cap */
    cc_free(cc, a, true);
    assert_int_equal(gdb_entries(), 0);
    install(4, 10, 0, "d"); /* left for cc_destroy */
    assert_int_equal(gdb_entries(), 1);
    destroy(NULL);
    assert_int_equal(gdb_entries(), 0);
    assert_int_equal(__jit_debug_descriptor.version, 1);
}

/* ---- unwinding ----------------------------------------------------------------------------- */

static struct {
    uintptr_t pcs[64];
    uintptr_t rbx[64];
    int n;
} trace;

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *ctx, void *arg)
{
    (void)arg;
    if (trace.n < 64) {
        trace.pcs[trace.n] = _Unwind_GetIP(ctx);
        trace.rbx[trace.n] = _Unwind_GetGR(ctx, 3); /* DWARF's 3 is rbx */
        trace.n++;
    }
    return _URC_NO_REASON;
}

static __attribute__((noinline)) int64_t take_trace(int64_t x)
{
    trace.n = 0;
    _Unwind_Backtrace(note_frame, NULL);
    return x;
}

/* The frames above machine code are found only with the registered description, and the saved
 * rbx is restored from where it says. */
static void test_unwind(void **state)
{
    (void)state;
    static const CcSavedReg saved[] = {{3, -8}};
    assert_int_equal(cc_enable_unwind(cc, saved, 1), 0);
    X64Asm a;
    x64_init(&a);
    uintptr_t lo, hi;
    cc_range(cc, &lo, &hi);
    x64_set_code_range(&a, lo, hi);
    x64_push_r(&a, X64_RBP);
    x64_mov_rr(&a, X64_Q, X64_RBP, X64_RSP);
    x64_push_r(&a, X64_RBX);
    x64_alu_ri(&a, X64_SUB, X64_Q, X64_RSP, 40);
    x64_mov_mi(&a, X64_Q, x64_mem(X64_RBP, -16), 0x5555); /* next to the saved rbx: not it */
    x64_mov_rm(&a, X64_Q, X64_RAX, x64_mem(X64_RBP, 8));
    x64_mov_mr(&a, X64_Q, x64_mem(X64_RSI, 0), X64_RAX);
    x64_mov_mr(&a, X64_Q, x64_mem(X64_RSI, 8), X64_RBX); /* the caller's rbx */
    x64_mov_ri(&a, X64_RBX, 0x1234567);
    int64_t (*fn)(int64_t) = take_trace;
    const void *target;
    memcpy(&target, &fn, sizeof target);
    x64_call_abs(&a, target);
    X64Pos ret = x64_here(&a);
    x64_mov_rm(&a, X64_Q, X64_RBX, x64_mem(X64_RBP, -8));
    x64_mov_rr(&a, X64_Q, X64_RSP, X64_RBP);
    x64_pop_r(&a, X64_RBP);
    x64_ret(&a);
    assert_int_equal(x64_finalize(&a), 0);
    CodeBlob *b = cc_alloc(cc, x64_size(&a, X64_HOT), x64_size(&a, X64_COLD), "f", NULL);
    CcWindow w;
    assert_int_equal(cc_open(cc, b, &w), 0);
    assert_int_equal(x64_copy_to(&a, w.hot, b->hot, w.cold, b->cold), 0);
    assert_int_equal(cc_close(cc, &w), 0);
    uintptr_t out[2];
    int64_t (*f)(int64_t, uintptr_t *);
    memcpy(&f, &b->hot, sizeof f);
    assert_int_equal(f(42, out), 42);
    int at = -1;
    for (int i = 0; i < trace.n; i++) {
        if (trace.pcs[i] == x64_pos_addr(&a, ret)) {
            at = i;
        }
    }
    assert_true(at >= 0);
    assert_true(trace.n > at + 2); /* on through this function to main */
    assert_true(trace.pcs[at + 1] == out[0]);
    assert_true(trace.rbx[at] == 0x1234567);
    assert_true(trace.rbx[at + 1] == out[1]);
    x64_free(&a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_never_writable_and_executable),
        TEST(test_batch),
        TEST(test_mappings_stay_few),
        TEST(test_near),
        TEST(test_heap_can_grow),
        TEST(test_cap),
        TEST(test_metadata_counts),
        TEST(test_limit_from_env),
        TEST(test_random_use),
        TEST(test_each),
        TEST(test_fork),
        TEST(test_refused),
        TEST(test_perf),
        TEST(test_perf_link),
        TEST(test_gdb_list),
        TEST(test_unwind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
