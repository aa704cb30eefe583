/* The arena, vectors, bitset and string buffer, including what they do when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_arena.h"
#include "base_bitset.h"
#include "base_strbuf.h"
#include "base_vec.h"

typedef VEC(uint32_t) U32Vec;

static bool all_zero(const void *p, size_t n)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < n; i++) {
        if (c[i]) {
            return false;
        }
    }
    return true;
}

static void test_arena_blocks(void **state)
{
    (void)state;
    Arena a;
    arena_init(&a, 0, NULL);
    enum { N = 3000 };
    static unsigned char *p[N];
    static size_t size[N];
    chunks_keep(300 * 1024);
    /* Again and again from the pool, whose memory is dirty: still zero. */
    for (int round = 0; round < 3; round++) {
        size_t seed = 12345;
        for (int i = 0; i < N; i++) {
            seed = seed * 1103515245 + 12345;
            size[i] = seed >> 16 & (i % 100 == 0 ? 0x1ffff : 0xff);
            p[i] = arena_alloc(&a, size[i]);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % ARENA_ALIGN, 0);
            assert_true(all_zero(p[i], size[i]));
            memset(p[i], i & 0xff, size[i]);
        }
        for (int i = 0; i < N; i++) { /* nothing overlaps */
            for (size_t k = 0; k < size[i]; k++) {
                assert_int_equal(p[i][k], i & 0xff);
            }
        }
        if (round == 1) {
            chunks_trim();
        }
        arena_free(&a);
        assert_int_equal(a.reserved, 0);
    }
    assert_non_null(arena_alloc(&a, 0)); /* usable after free, and size 0 is a pointer */
    assert_false(a.failed);
    arena_free(&a);
}

static void test_arena_limit(void **state)
{
    (void)state;
    Arena a;
    arena_init(&a, 100000, NULL);
    int got = 0;
    while (arena_alloc(&a, 1000)) {
        got++;
        assert_true(got < 200);
    }
    assert_true(got > 50); /* most of the limit could be used */
    assert_true(a.failed);
    assert_true(a.reserved <= 100000);
    arena_free(&a);
    assert_false(a.failed);
    assert_null(arena_alloc(&a, SIZE_MAX - 5));
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 4));
    assert_true(a.failed);
    arena_free(&a);

    jmp_buf env;
    arena_init(&a, 50000, &env);
    volatile int reached = 0;
    if (setjmp(env) == 0) {
        for (;;) {
            reached++;
            memset(arena_alloc(&a, 5000), 1, 5000); /* never NULL: leaves by the hook */
            assert_true(reached < 20);
        }
    }
    assert_true(reached > 3);
    assert_true(a.failed);
    arena_free(&a);
}

static void test_arena_strings(void **state)
{
    (void)state;
    Arena a;
    arena_init(&a, 0, NULL);
    assert_string_equal(arena_strdup(&a, "hello"), "hello");
    assert_string_equal(arena_strndup(&a, "hello", 2), "he");
    assert_string_equal(arena_printf(&a, "%d-%s", 42, "x"), "42-x");
    char big[5000];
    memset(big, 'y', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_string_equal(arena_printf(&a, "%s", big), big);
    arena_free(&a);
}

static void check_vec(Arena *a)
{
    U32Vec v = {0}, w = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        VEC_PUSH(a, &v, i * 3);
        VEC_PUSH(a, &w, i); /* interleaved: neither can always grow in place */
    }
    assert_int_equal(v.len, 10000);
    uint32_t k = 0;
    VEC_EACH(&v, uint32_t, p)
    {
        assert_int_equal(*p, k * 3);
        k++;
    }
    assert_int_equal(k, 10000);
    assert_int_equal(VEC_LAST(&v), 9999 * 3);
    assert_int_equal(VEC_POP(&v), 9999 * 3);
    assert_int_equal(v.len, 9999);
    VEC_INSERT(a, &v, 0, 7);
    VEC_INSERT(a, &v, 5, 8);
    VEC_INSERT(a, &v, v.len, 9);
    assert_int_equal(v.data[0], 7);
    assert_int_equal(v.data[1], 0);
    assert_int_equal(v.data[5], 8);
    assert_int_equal(v.data[6], 12);
    assert_int_equal(VEC_LAST(&v), 9);
    VEC_REMOVE(&v, 5);
    VEC_REMOVE(&v, 0);
    VEC_REMOVE(&v, v.len - 1);
    for (uint32_t i = 0; i < v.len; i++) {
        assert_int_equal(v.data[i], i * 3);
    }
    uint32_t old = v.len;
    assert_true(VEC_RESIZE(a, &v, old + 100000));
    for (uint32_t i = old; i < v.len; i++) {
        assert_int_equal(v.data[i], 0);
    }
    assert_true(VEC_RESIZE(a, &v, 3));
    assert_int_equal(v.len, 3);
    v.data[1] = 55; /* elements that come back are zero again */
    assert_true(VEC_RESIZE(a, &v, 1));
    assert_true(VEC_RESIZE(a, &v, 2));
    assert_int_equal(v.data[1], 0);
    VEC_CLEAR(&v);
    VEC_EACH(&v, uint32_t, p)
    {
        fail();
        (void)p;
    }
    if (a == NULL) {
        VEC_FREE(&v);
        VEC_FREE(&w);
        assert_null(v.data);
    }
}

static void test_vec(void **state)
{
    (void)state;
    check_vec(NULL);
    Arena a;
    arena_init(&a, 0, NULL);
    check_vec(&a);
    arena_free(&a);
    U32Vec empty = {0};
    VEC_EACH(&empty, uint32_t, p)
    {
        fail();
        (void)p;
    }
}

static void test_vec_no_memory(void **state)
{
    (void)state;
    U32Vec v = {0};
    assert_false(VEC_RESERVE(NULL, &v, UINT32_MAX));
    assert_true(VEC_TRY_PUSH(NULL, &v, 1));
    assert_false(VEC_RESERVE(NULL, &v, UINT32_MAX)); /* would wrap */
    assert_int_equal(v.len, 1);
    VEC_FREE(&v);
    Arena a;
    arena_init(&a, 40000, NULL);
    U32Vec w = {0};
    while (VEC_TRY_PUSH(&a, &w, w.len)) {
        assert_true(w.len < 20000);
    }
    assert_true(a.failed);
    for (uint32_t i = 0; i < w.len; i++) { /* what is there stays intact */
        assert_int_equal(w.data[i], i);
    }
    uint32_t len = w.len;
    VEC_PUSH(&a, &w, 1);
    assert_int_equal(w.len, len);
    arena_free(&a);
}

static void test_bitset(void **state)
{
    (void)state;
    Arena a;
    arena_init(&a, 0, NULL);
    static const uint32_t sizes[] = {0, 1, 63, 64, 65, 128, 1000};
    for (unsigned k = 0; k < BASE_COUNT(sizes); k++) {
        uint32_t n = sizes[k];
        Bitset s, t;
        bitset_init(&s, &a, n);
        bitset_init(&t, &a, n);
        bool model[1000] = {0};
        assert_true(bitset_empty(&s));
        assert_int_equal(bitset_next(&s, 0), BITSET_NONE);
        uint32_t seed = 7;
        for (uint32_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 30 == 0 || i == n - 1) {
                assert_true(bitset_add_new(&s, i));
                assert_false(bitset_add_new(&s, i));
                model[i] = true;
            }
        }
        uint32_t count = 0, at = 0;
        for (BITSET_EACH(&s, i)) {
            while (at < i) {
                assert_false(model[at++]);
            }
            assert_true(model[at++]);
            count++;
        }
        assert_int_equal(bitset_count(&s), count);
        assert_int_equal(bitset_or(&t, &s), n > 0); /* changed */
        assert_false(bitset_or(&t, &s));
        assert_true(bitset_equal(&s, &t));
        if (n) {
            bitset_del(&t, n - 1);
            assert_false(bitset_has(&t, n - 1));
            assert_false(bitset_equal(&s, &t));
            assert_true(bitset_and(&s, &t));
            assert_true(bitset_equal(&s, &t));
            assert_false(bitset_and(&s, &t));
            bitset_add(&t, n - 1);
            bitset_minus(&t, &s);
            assert_int_equal(bitset_count(&t), 1);
            assert_int_equal(bitset_next(&t, 0), n - 1);
        }
        bitset_copy(&t, &s);
        assert_true(bitset_equal(&s, &t));
        bitset_clear(&s);
        assert_true(bitset_empty(&s));
    }
    arena_free(&a);
}

static void test_strbuf(void **state)
{
    (void)state;
    StrBuf sb = SB_INIT;
    assert_string_equal(sb_str(&sb), "");
    sb_puts(&sb, "v1 = ");
    sb_printf(&sb, "%s %d", "Add", 12);
    sb_putc(&sb, '\n');
    sb_puts(&sb, "ab");
    sb_pad_to(&sb, 5);
    sb_puts(&sb, "|");
    assert_string_equal(sb_str(&sb), "v1 = Add 12\nab   |");
    sb_clear(&sb);
    assert_string_equal(sb_str(&sb), "");
    size_t total = 0;
    for (int i = 0; i < 500; i++) { /* pieces of every length around the room that is left */
        sb_printf(&sb, "%*d,", i, i);
        total += (size_t)BASE_MAX(i, 1) + 1;
    }
    assert_int_equal(sb.len, total);
    assert_int_equal(strlen(sb_str(&sb)), total);
    char *text = sb_take(&sb);
    assert_int_equal(strlen(text), total);
    assert_string_equal(sb_str(&sb), "");
    free(text);
    sb_free(&sb);
    text = sb_take(&sb);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_blocks),  cmocka_unit_test(test_arena_limit),
        cmocka_unit_test(test_arena_strings), cmocka_unit_test(test_vec),
        cmocka_unit_test(test_vec_no_memory), cmocka_unit_test(test_bitset),
        cmocka_unit_test(test_strbuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
