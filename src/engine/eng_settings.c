/* Settings: the PYSTON* environment variables, read once.
 *
 * A wrong value is an error that names the allowed ones: a misspelt setting must not look like a
 * setting without effect.  An empty variable counts as unset, as for CPython's own.  They also hold
 * under -E and -I, which are about what Python code runs (PYTHON*), not about how. */
#include "eng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base_strbuf.h"
#include "eng_limits.h"
#include "opt.h"

#define CODE_LIMIT_DEFAULT 64u
#define CODE_LIMIT_MOST    1024u

EngSettings eng_settings = {
    .on = -1,
    .threshold = ENG_THRESHOLD,
    .sampled = true,
    .code_limit_mib = CODE_LIMIT_DEFAULT,
    .gc = true,
    .compile_thread = true,
    .huge_pages = true,
};

static int wrong(const char *name, const char *allowed, const char *text)
{
    PyErr_Format(PyExc_ValueError, "%s must be %s, not '%.200s'", name, allowed, text);
    return -1;
}

static int read_switch(const char *name, const char *text, bool *out)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) {
        return wrong(name, "0 or 1", text);
    }
    *out = text[0] == '1';
    return 0;
}

/* `word`: what is allowed besides numbers, or NULL. */
static int read_number(const char *name, const char *text, uint32_t most, const char *word,
                       uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v < 1 || v > most) {
        char allowed[64];
        PyOS_snprintf(allowed, sizeof allowed, "a whole number from 1 to %lu%s%s",
                      (unsigned long)most, word != NULL ? " or " : "", word != NULL ? word : "");
        return wrong(name, allowed, text);
    }
    *out = (uint32_t)v;
    return 0;
}

static int set_on(const char *name, const char *text)
{
    bool on = false;
    int err = read_switch(name, text, &on);
    eng_settings.on = on;
    return err;
}

static int set_threshold(const char *name, const char *text)
{
    if (strcmp(text, "never") == 0) {
        eng_settings.threshold = ENG_NEVER;
        return 0;
    }
    eng_settings.sampled = false;
    return read_number(name, text, ENG_NEVER - 1, "never", &eng_settings.threshold);
}

static int set_dump(const char *name, const char *text)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } stages[] = {{"hir", ENG_DUMP_HIR}, {"lir", ENG_DUMP_LIR}, {"asm", ENG_DUMP_ASM}};
    const char *allowed = "a list of hir, lir, asm joined by commas, perhaps followed by :FUNCTION";
    const char *p = text;
    uint32_t bits = 0;
    for (;;) {
        size_t n = strcspn(p, ",:");
        uint32_t bit = 0;
        for (size_t i = 0; i < BASE_COUNT(stages); i++) {
            if (strlen(stages[i].name) == n && strncmp(stages[i].name, p, n) == 0) {
                bit = stages[i].bit;
            }
        }
        if (bit == 0) {
            return wrong(name, allowed, text);
        }
        bits |= bit;
        p += n;
        if (*p != ',') {
            break;
        }
        p++;
    }
    char *function = NULL;
    if (*p == ':') {
        if (p[1] == '\0') {
            return wrong(name, allowed, text);
        }
        function = strdup(p + 1);
        if (function == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    eng_settings.dump = bits;
    free(eng_settings.dump_function);
    eng_settings.dump_function = function;
    return 0;
}

static int set_stress(const char *name, const char *text)
{
    if (strcmp(text, "deopt") == 0) {
        eng_settings.stress_deopt = true;
    } else if (strcmp(text, "patch") == 0) {
        eng_settings.stress_patch = true;
    } else if (strcmp(text, "compact") == 0) {
        eng_settings.stress_compact = true;
    } else if (strcmp(text, "thread") == 0) {
        eng_settings.stress_thread = true;
    } else {
        return wrong(name, "deopt, patch, compact or thread", text);
    }
    return 0;
}

static int set_code_limit(const char *name, const char *text)
{
    return read_number(name, text, CODE_LIMIT_MOST, NULL, &eng_settings.code_limit_mib);
}

static int set_perf(const char *name, const char *text)
{
    return read_switch(name, text, &eng_settings.perf);
}

static int set_gc(const char *name, const char *text)
{
    return read_switch(name, text, &eng_settings.gc);
}

static int set_huge_pages(const char *name, const char *text)
{
    return read_switch(name, text, &eng_settings.huge_pages);
}

static int set_compile_thread(const char *name, const char *text)
{
    return read_switch(name, text, &eng_settings.compile_thread);
}

static int set_verify(const char *name, const char *text)
{
    return read_switch(name, text, &eng_settings.verify);
}

static int set_selftest_fail(const char *name, const char *text)
{
    return read_switch(name, text, &eng_settings.selftest_fail);
}

/* Words of the list are names of passes, their numbers, and "inline". */
static int set_opt_disable(const char *name, const char *text)
{
    uint32_t mask = 0;
    bool no_inline = false;
    for (const char *word = text;;) {
        size_t n = strcspn(word, ",");
        if (n == strlen("inline") && strncmp(word, "inline", n) == 0) {
            no_inline = true;
        } else if (opt_named(word, n) != 0) {
            mask |= opt_named(word, n);
        } else {
            break;
        }
        if (word[n] == '\0') {
            eng_settings.opt_disabled = mask;
            eng_settings.no_inline = no_inline;
            return 0;
        }
        word += n + 1;
    }
    StrBuf allowed = SB_INIT;
    sb_puts(&allowed, "a list of inline");
    for (uint32_t k = 0; k < opt_npasses; k++) {
        const char *pass = opt_passes[k].name;
        if (opt_named(pass, strlen(pass)) % (1u << k) ==
            0) { /* a pass that runs twice is one name */
            sb_printf(&allowed, ", %s", pass);
        }
    }
    sb_printf(&allowed, " and numbers from 0 to %u joined by commas", opt_npasses - 1);
    int err = wrong(name, sb_str(&allowed), text);
    sb_free(&allowed);
    return err;
}

static int set_opt_limit(const char *name, const char *text)
{
    return read_number(name, text, opt_npasses, NULL, &eng_settings.opt_limit);
}

int eng_settings_read(void)
{
    static const struct {
        const char *name;
        int (*set)(const char *name, const char *text);
    } variables[] = {
        {"PYSTON", set_on},
        {"PYSTON_THRESHOLD", set_threshold},
        {"PYSTON_DUMP", set_dump},
        {"PYSTON_STRESS", set_stress},
        {"PYSTON_CODE_LIMIT", set_code_limit},
        {"PYSTON_PERF", set_perf},
        {"PYSTON_GC", set_gc},
        {"PYSTON_HUGE_PAGES", set_huge_pages},
        {"PYSTON_COMPILE_THREAD", set_compile_thread},
        {"PYSTON_OPT_DISABLE", set_opt_disable},
        {"PYSTON_OPT_LIMIT", set_opt_limit},
        {"PYSTON_VERIFY", set_verify},
        {"PYSTON_SELFTEST_FAIL", set_selftest_fail},
    };
    static bool done;
    if (done) {
        return 0;
    }
    for (size_t i = 0; i < BASE_COUNT(variables); i++) {
        const char *text = getenv(variables[i].name);
        if (text != NULL && text[0] != '\0' && variables[i].set(variables[i].name, text) < 0) {
            return -1;
        }
    }
    done = true;
    return 0;
}
