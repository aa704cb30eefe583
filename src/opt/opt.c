/* The pass list and its driver. */
#include "opt.h"

#include <stdio.h>
#include <string.h>

/* Types come first because everything else asks for them. Folding turns generic operations on
 * known types into raw arithmetic between boxes; guards then move out of loops, which types more
 * phis. Dropping a reference may run code, so pairs of counts go before value numbering and before
 * stores, which ask for regions without. Unboxing lets raw values cross blocks, and its leftovers
 * fold. Stores to homes go once nothing needs the boxes. */
const OptPass opt_passes[] = {
    {"types", opt_types, "types over phis, branches that are decided"},
    {"fold", opt_fold, "algebra, constants, generic operations on known types"},
    {"guards", opt_guards, "guards of loop phis before the loop"},
    {"refcount", opt_refcount, "pairs of Incref and Decref, which hide that loads are equal"},
    {"gvn", opt_gvn, "value numbering of pure operations, guards and loads"},
    {"unbox", opt_unbox, "phis of floats, ints and bools become raw"},
    {"fold", opt_fold, "what unboxing left"},
    {"licm", opt_licm, "loop-invariant operations and guards"},
    {"stores", opt_stores, "stores to homes of locals that nobody sees"},
    {"refcount", opt_refcount, "what boxes and stores left"},
    {"dce", opt_dce, "dead code"},
};
const uint32_t opt_npasses = BASE_COUNT(opt_passes);

static void verify_after(HirFunc *f, const char *pass)
{
    StrBuf err = SB_INIT;
    if (!hir_verify(f, &err)) {
        StrBuf text = SB_INIT;
        hir_print(f, &text);
        fprintf(stderr, "HIR is broken after pass %s: %s\n%s", pass, sb_str(&err), sb_str(&text));
        sb_free(&text);
        base_check_failed("hir_verify", __FILE__, __LINE__, pass);
    }
    sb_free(&err);
}

void opt_run(HirFunc *f, const OptOptions *opts)
{
    if (opts->dump) {
        opts->dump(opts->dump_ctx, "build", f);
    }
    if (opts->verify) {
        verify_after(f, "build");
    }
    uint32_t n = opts->max_passes ? BASE_MIN(opts->max_passes, opt_npasses) : opt_npasses;
    for (uint32_t k = 0; k < n; k++) {
        if (opts->disabled_mask & (1u << k)) {
            continue;
        }
        opt_passes[k].run(f);
        if (opts->dump) {
            opts->dump(opts->dump_ctx, opt_passes[k].name, f);
        }
        if (opts->verify) {
            verify_after(f, opt_passes[k].name);
        }
    }
    hir_analyze(f);
}

bool opt_run_one(HirFunc *f, const char *name)
{
    for (uint32_t k = 0; k < opt_npasses; k++) {
        if (!strcmp(opt_passes[k].name, name)) {
            opt_passes[k].run(f);
            return true;
        }
    }
    return false;
}

uint32_t opt_named(const char *word, size_t n)
{
    uint32_t mask = 0;
    for (uint32_t k = 0; k < opt_npasses; k++) {
        char index[12];
        int digits = snprintf(index, sizeof index, "%u", k);
        if ((strlen(opt_passes[k].name) == n && !strncmp(opt_passes[k].name, word, n)) ||
            ((size_t)digits == n && !strncmp(index, word, n))) {
            mask |= 1u << k;
        }
    }
    return mask;
}
