/* For tests of the back end: an interpreter of LIR, and a fake world in which
 * interpreted and compiled code run on the same memory.
 *
 * A run ends with a result or with an exit; both are recorded in an Outcome,
 * exits with every value that their tables (or, interpreted, their states)
 * name. Doubles compare equal when both are NaN. */
#ifndef LIR_HARNESS_H
#define LIR_HARNESS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lir_compile.h"
#include "lir_internal.h"
#include "rt_unit.h"

/* The fake frame: homes of locals, then memory for integers and for doubles. */
enum {
    HOME_DISP = 64,
    NHOMES = 16,
    INTS = 256,
    NINTS = 32,
    DOUBLES = 512,
    NDOUBLES = 16,
    WORLD_BYTES = 640
};
static _Alignas(64) uint8_t world[WORLD_BYTES];
static _Alignas(64) uint8_t fake_ts[64];

enum { MAX_VALS = 256 };
typedef struct {
    bool exited;
    uint64_t result;
    uint32_t kind, reason, nframes, nvals;
    int32_t throw_bci, bci[8];
    uint64_t vals[MAX_VALS];
    uint8_t is_double[MAX_VALS], owned[MAX_VALS];
    uint32_t calls; /* helper calls made */
    uint8_t memory[WORLD_BYTES];
} Outcome;

static Outcome seen;        /* what compiled code did */
static uint32_t call_count; /* helpers count themselves */
static uint64_t exit_value = 0x1234567;
static RtEntry exit_next; /* the code that an exit goes on in, or NULL */

/* ---- the interpreter -------------------------------------------------------------------- */

typedef struct {
    LirFunc *f;
    uint64_t *reg; /* [nvregs] */
    uint64_t out[64];
    Outcome *o;
    uint64_t steps;
} Interp;

static double as_double(uint64_t u)
{
    double d;
    memcpy(&d, &u, 8);
    return d;
}
static uint64_t as_bits(double d)
{
    uint64_t u;
    memcpy(&u, &d, 8);
    return u;
}

static uint64_t it_reg(Interp *it, LirReg r)
{
    switch (r) {
    case LIR_FRAME: return (uint64_t)(uintptr_t)world;
    case LIR_TS: return (uint64_t)(uintptr_t)fake_ts;
    case LIR_RSP: return (uint64_t)(uintptr_t)it->out;
    default: return it->reg[r];
    }
}

static uint64_t it_addr(Interp *it, const LirOpnd *o)
{
    uint64_t a = o->reg == LIR_NOREG ? 0 : it_reg(it, o->reg);
    if (o->index != LIR_NOREG) {
        a += it_reg(it, o->index) << o->scale;
    }
    return a + (uint64_t)(int64_t)o->disp;
}

static uint64_t it_load(uint64_t addr, unsigned w)
{
    uint64_t v = 0;
    memcpy(&v, (void *)(uintptr_t)addr, w);
    return v;
}

static uint64_t it_val(Interp *it, const LirOpnd *o, unsigned w)
{
    switch (o->kind) {
    case LIR_O_REG: return it_reg(it, o->reg);
    case LIR_O_IMM: return (uint64_t)o->imm;
    case LIR_O_MEM: return it_load(it_addr(it, o), w);
    case LIR_O_ADDR: return it_addr(it, o);
    default: return 0;
    }
}

static uint64_t it_trunc(uint64_t v, unsigned w)
{
    return w == 8 ? v : v & ((UINT64_C(1) << (8 * w)) - 1);
}
static int64_t it_sext(uint64_t v, unsigned w)
{
    return w == 8 ? (int64_t)v : w == 4 ? (int32_t)v : w == 2 ? (int16_t)v : (int8_t)v;
}

typedef struct {
    bool z, s, c, o;
} Flags;

static Flags it_logic_flags(uint64_t r, unsigned w)
{
    return (Flags){.z = it_trunc(r, w) == 0, .s = it_sext(r, w) < 0};
}

static Flags it_add_flags(uint64_t a, uint64_t b, unsigned w, bool sub)
{
    uint64_t r = it_trunc(sub ? a - b : a + b, w);
    a = it_trunc(a, w);
    b = it_trunc(b, w);
    Flags f = it_logic_flags(r, w);
    bool sa = it_sext(a, w) < 0, sb = it_sext(b, w) < 0;
    f.c = sub ? a < b : r < a;
    f.o = sub ? sa != sb && f.s != sa : sa == sb && f.s != sa;
    return f;
}

static bool it_cond(unsigned cc, Flags f)
{
    switch (cc & ~1u) {
    case LIR_O: return f.o ^ (cc & 1);
    case LIR_B: return f.c ^ (cc & 1);
    case LIR_E: return f.z ^ (cc & 1);
    case LIR_BE: return (f.c | f.z) ^ (cc & 1);
    case LIR_S: return f.s ^ (cc & 1);
    case LIR_L: return (f.s ^ f.o) ^ (cc & 1);
    case LIR_LE: return ((f.s ^ f.o) | f.z) ^ (cc & 1);
    default: abort();
    }
}

static bool it_fcond(unsigned cc, double a, double b)
{
    switch (cc) {
    case LIR_FEQ: return a == b;
    case LIR_FNE: return a != b;
    case LIR_FLT: return a < b;
    case LIR_FNLT: return !(a < b);
    case LIR_FLE: return a <= b;
    case LIR_FNLE: return !(a <= b);
    case LIR_FGT: return a > b;
    case LIR_FNGT: return !(a > b);
    case LIR_FGE: return a >= b;
    default: return !(a >= b);
    }
}

static void it_exit(Interp *it, const LirExit *x)
{
    Outcome *o = it->o;
    o->exited = true;
    o->result = exit_value;
    o->kind = x->kind;
    o->reason = x->reason;
    o->throw_bci = x->throw_bci;
    o->nframes = x->state->nframes;
    for (uint32_t i = 0; i < x->state->nframes; i++) {
        const LirStateFrame *f = &x->state->frames[i];
        o->bci[i] = f->bci;
        for (uint32_t k = 0; k < (uint32_t)f->nstack + f->ndirty; k++) {
            const LirVal *v = &f->vals[k];
            uint64_t u =
                v->opnd.kind == LIR_O_NONE
                    ? it_load((uint64_t)(uintptr_t)world + HOME_DISP + 8u * (unsigned)v->home, 8)
                    : it_val(it, &v->opnd, 8);
            o->is_double[o->nvals] = v->rep == HIR_F64;
            o->owned[o->nvals] = v->owned;
            o->vals[o->nvals++] = u;
        }
    }
}

typedef uint64_t (*AnyFn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, double,
                          double, double, double, double, double, double, double);
typedef double (*AnyDoubleFn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, double,
                              double, double, double, double, double, double, double);

/* True when the call's check fails. */
static bool it_call(Interp *it, const LirIns *i)
{
    uint64_t g[6] = {0}, r = 0;
    double x[8] = {0};
    unsigned ng = 0, nx = 0;
    for (unsigned k = 0; k < i->nargs; k++) {
        uint64_t v = it_val(it, &i->args[k], 8);
        if ((i->xargs >> k) & 1) {
            x[nx++] = as_double(v);
        } else {
            g[ng++] = v;
        }
    }
    uintptr_t fn = (uintptr_t)it_val(it, &i->src[0], 8);
    if (i->cflags & LIR_CALL_XMM_) {
        r = as_bits(((AnyDoubleFn)fn)(g[0], g[1], g[2], g[3], g[4], g[5], x[0], x[1], x[2], x[3],
                                      x[4], x[5], x[6], x[7]));
    } else {
        r = ((AnyFn)fn)(g[0], g[1], g[2], g[3], g[4], g[5], x[0], x[1], x[2], x[3], x[4], x[5],
                        x[6], x[7]);
    }
    bool fail = i->check == LIR_CHK_NULL    ? r == 0
                : i->check == LIR_CHK_NEG32 ? (int32_t)r < 0
                : i->check == LIR_CHK_NEG64 ? (int64_t)r < 0
                : i->check == LIR_CHK_SET32 ? (uint32_t)r != 0
                                            : false;
    if (fail) {
        it_exit(it, i->exit);
        return true;
    }
    if (i->dst != LIR_NOREG) {
        it->reg[i->dst] = (i->cflags & LIR_CALL_W4)     ? (uint64_t)(int32_t)r
                          : (i->cflags & LIR_CALL_BOOL) ? (uint32_t)r
                                                        : r;
    }
    return false;
}

/* What an instruction did beside its result. */
typedef enum { IT_NEXT, IT_TAKEN, IT_STOP } ItStep;

static ItStep it_one(Interp *it, LirIns *i)
{
    unsigned w = i->w;
    unsigned wa = lir_op_info[i->op].s0 == 'X' ? 8 : w;
    uint64_t a = i->nsrc > 0 ? it_val(it, &i->src[0], wa) : 0;
    uint64_t b = i->nsrc > 1 ? it_val(it, &i->src[1], w) : 0, r = 0;
    Flags f = {0};
    bool holds = false, is_f = false;
    if (++it->steps > 4000000) {
        fail_msg("the interpreter does not come to an end");
    }
    switch ((LirOp)i->op) {
    case LIR_MOV:
    case LIR_FBITS:
    case LIR_BITSF:
    case LIR_LOAD: r = a; break;
    case LIR_LEA: r = it_addr(it, &i->src[0]); break;
    case LIR_LOADS: r = (uint64_t)it_sext(a, w); break;
    case LIR_STORE: {
        uint64_t at = it_addr(it, &i->src[0]);
        memcpy((void *)(uintptr_t)at, &b, w);
        return IT_NEXT;
    }
    case LIR_ADD:
        r = a + b;
        f = it_add_flags(a, b, w, false);
        break;
    case LIR_SUB:
        r = a - b;
        f = it_add_flags(a, b, w, true);
        break;
    case LIR_IMUL: {
        __int128 p = (__int128)it_sext(a, w) * it_sext(b, w);
        r = (uint64_t)p;
        f.o = p != it_sext(r, w);
        break;
    }
    case LIR_AND:
        r = a & b;
        f = it_logic_flags(r, w);
        break;
    case LIR_OR:
        r = a | b;
        f = it_logic_flags(r, w);
        break;
    case LIR_XOR:
        r = a ^ b;
        f = it_logic_flags(r, w);
        break;
    case LIR_NEG:
        r = 0 - a;
        f = it_add_flags(0, a, w, true);
        break;
    case LIR_NOT: r = ~a; break;
    case LIR_SHL: r = a << (b & (8 * w - 1)); break;
    case LIR_SHR: r = it_trunc(a, w) >> (b & (8 * w - 1)); break;
    case LIR_SAR: r = (uint64_t)(it_sext(a, w) >> (b & (8 * w - 1))); break;
    case LIR_IDIV: {
        int64_t x = it_sext(a, w), y = it_sext(b, w);
        if (i->dst != LIR_NOREG) {
            it->reg[i->dst] = it_trunc((uint64_t)(x / y), w);
        }
        if (i->dst2 != LIR_NOREG) {
            it->reg[i->dst2] = it_trunc((uint64_t)(x % y), w);
        }
        return IT_NEXT;
    }
    case LIR_ADDM:
    case LIR_SUBM:
    case LIR_ANDM:
    case LIR_ORM:
    case LIR_XORM: {
        uint64_t at = it_addr(it, &i->src[0]);
        r = i->op == LIR_ADDM   ? a + b
            : i->op == LIR_SUBM ? a - b
            : i->op == LIR_ANDM ? (a & b)
            : i->op == LIR_ORM  ? (a | b)
                                : (a ^ b);
        f = i->op == LIR_ADDM || i->op == LIR_SUBM ? it_add_flags(a, b, w, i->op == LIR_SUBM)
                                                   : it_logic_flags(r, w);
        memcpy((void *)(uintptr_t)at, &r, w);
        break;
    }
    case LIR_CMP: f = it_add_flags(a, b, w, true); break;
    case LIR_TEST: f = it_logic_flags(a & b, w); break;
    case LIR_FCMP:
        is_f = true;
        holds = it_fcond(i->cc, as_double(a), as_double(b));
        break;
    case LIR_FADD: r = as_bits(as_double(a) + as_double(b)); break;
    case LIR_FSUB: r = as_bits(as_double(a) - as_double(b)); break;
    case LIR_FMUL: r = as_bits(as_double(a) * as_double(b)); break;
    case LIR_FDIV: r = as_bits(as_double(a) / as_double(b)); break;
    case LIR_FNEG: r = a ^ UINT64_C(1) << 63; break;
    case LIR_FABS: r = a & ~(UINT64_C(1) << 63); break;
    case LIR_FSQRT: r = as_bits(sqrt(as_double(a))); break;
    case LIR_I2F: r = as_bits((double)it_sext(a, w)); break;
    case LIR_F2I: {
        double d = as_double(a);
        if (w == 8) {
            r = d >= -0x1p63 && d < 0x1p63 ? (uint64_t)(int64_t)d : (uint64_t)INT64_MIN;
        } else {
            r = d > -0x1p31 - 1 && d < 0x1p31 ? (uint32_t)(int32_t)d : (uint32_t)INT32_MIN;
        }
        break;
    }
    case LIR_CALL: return it_call(it, i) ? IT_STOP : IT_NEXT;
    case LIR_JMP: return IT_NEXT;
    case LIR_RET: it->o->result = a; return IT_STOP;
    case LIR_EXIT: it_exit(it, i->exit); return IT_STOP;
    default: fail_msg("op %s", lir_op_info[i->op].name);
    }
    if (i->tgt != LIR_T_NONE && !is_f) {
        holds = it_cond(i->cc, f);
    }
    if (i->tgt == LIR_T_EXIT && holds) {
        it_exit(it, i->exit);
        return IT_STOP;
    }
    if (i->tgt == LIR_T_SET) {
        it->reg[i->dst] = holds;
    } else if (i->dst != LIR_NOREG) {
        bool narrow =
            (lir_op_info[i->op].dst == 'G' && w == 4 && i->op != LIR_LOADS) || i->op == LIR_LOAD;
        it->reg[i->dst] = narrow ? it_trunc(r, w) : r;
    }
    return holds && i->tgt != LIR_T_SET ? IT_TAKEN : IT_NEXT;
}

static void it_slow(Interp *it, LirSlow *s, bool *stop)
{
    for (LirIns *i = s->first; i; i = i->next) {
        ItStep k = it_one(it, i);
        if (k == IT_STOP) {
            *stop = true;
            return;
        }
        if (k == IT_TAKEN && i->tgt == LIR_T_DONE) {
            return;
        }
    }
}

/* Runs a function that has not been allocated. */
static void interpret(LirFunc *f, Outcome *o)
{
    Interp it = {.f = f, .o = o};
    memset(o, 0, sizeof *o);
    call_count = 0;
    it.reg = calloc(f->vregs.len, 8);
    LirBlock *b = f->blocks;
    for (bool stop = false; !stop;) {
        unsigned way = 0;
        for (LirIns *i = b->first; i && !stop; i = i->next) {
            ItStep k = it_one(&it, i);
            stop = k == IT_STOP;
            if (i->tgt == LIR_T_BR) {
                way = k == IT_TAKEN ? 0 : 1;
            } else if (k == IT_TAKEN && i->tgt == LIR_T_SLOW) {
                it_slow(&it, i->slow, &stop);
            }
        }
        if (!stop) {
            LirBlock *s = b->succ[way];
            uint64_t *tmp = calloc(s->nphi + 1, 8);
            for (uint32_t p = 0; p < s->nphi; p++) {
                tmp[p] = it_val(&it, &b->out_args[way][p], 8);
            }
            for (uint32_t p = 0; p < s->nphi; p++) {
                it.reg[s->phi[p]] = tmp[p];
            }
            free(tmp);
            b = s;
        }
    }
    free(it.reg);
    o->calls = call_count;
    memcpy(o->memory, world, sizeof world);
}

/* ---- compiled runs ------------------------------------------------------------------------- */

static CodeCache *cache;
static unsigned long current_seed; /* for messages */
static const void *exit_entry;
static LirStubs *stubs;

static uint64_t loc_value(const CodeUnit *u, const RtLoc *l, const RtRegs *regs)
{
    switch ((RtLocKind)l->kind) {
    case RT_LOC_GPR: return regs->gpr[l->where];
    case RT_LOC_XMM: return as_bits(regs->xmm[l->where]);
    case RT_LOC_STACK: return it_load(regs->gpr[5] + 8 * (uint64_t)(int64_t)l->where, 8);
    case RT_LOC_CONST: return (uint64_t)u->consts[l->where];
    default: return it_load((uint64_t)(uintptr_t)world + HOME_DISP + 8u * (unsigned)l->where, 8);
    }
}

/* Stands in for rt_exit: reads the tables. */
static RtLeave fake_exit(PyThreadState *ts, struct _PyInterpreterFrame *frame, CodeUnit *u,
                         uint32_t id, RtRegs *regs)
{
    assert_ptr_equal(ts, fake_ts);
    assert_ptr_equal(frame, world);
    assert_true(id < u->nexits);
    assert_int_equal(regs->gpr[4] & 15, 0);
    const RtExit *x = &u->exits[id];
    seen.exited = true;
    seen.kind = x->kind;
    seen.reason = x->reason;
    seen.throw_bci = x->throw_bci;
    seen.nframes = x->nframes;
    for (uint32_t i = 0; i < x->nframes; i++) {
        const RtExitFrame *f = &u->exit_frames[x->frames + i];
        seen.bci[i] = f->bci;
        for (uint32_t k = 0; k < (uint32_t)f->nstack + f->ndirty; k++) {
            const RtLoc *l = &u->locs[f->locs + k];
            seen.is_double[seen.nvals] = l->rep == HIR_F64;
            seen.owned[seen.nvals] = l->owned;
            seen.vals[seen.nvals++] = loc_value(u, l, regs);
        }
    }
    return (RtLeave){.result = (PyObject *)(uintptr_t)exit_value, .next = exit_next};
}

/* Checks that callee-saved registers survive, too. */
static uint64_t call_entry(RtEntry entry)
{
    uint64_t r, bad;
    void *ts = fake_ts, *frame = world;
    __asm__ volatile(
        "mov %[ts], %%rdi; mov %[fr], %%rsi; mov %[fn], %%r10\n\t"
        "mov $0x1111, %%rbx; mov $0x2222, %%r12; mov $0x3333, %%r13\n\t"
        "mov $0x4444, %%r14; mov $0x5555, %%r15\n\t"
        "mov %%rsp, %%rax; sub $128, %%rsp; and $-16, %%rsp; push %%rax; push %%rax\n\t"
        "call *%%r10\n\t"
        "pop %%rsp\n\t"
        "xor $0x1111, %%rbx; xor $0x2222, %%r12; xor $0x3333, %%r13\n\t"
        "xor $0x4444, %%r14; xor $0x5555, %%r15\n\t"
        "or %%r12, %%rbx; or %%r13, %%rbx; or %%r14, %%rbx; or %%r15, %%rbx\n\t"
        "mov %%rbx, %%rcx"
        : "=&a"(r), "=&c"(bad)
        : [fn] "m"(entry), [ts] "m"(ts), [fr] "m"(frame)
        : "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
          "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    assert_int_equal(bad, 0);
    return r;
}

static void run_compiled(CodeUnit *u, Outcome *o)
{
    memset(&seen, 0, sizeof seen);
    call_count = 0;
    uint64_t r = call_entry(u->entry);
    *o = seen;
    o->result = r;
    o->calls = call_count;
    memcpy(o->memory, world, sizeof world);
}

static bool same_value(uint64_t a, uint64_t b, bool is_double)
{
    return a == b || (is_double && isnan(as_double(a)) && isnan(as_double(b)));
}

static bool same_outcome(const Outcome *a, const Outcome *b)
{
    if (a->exited != b->exited || a->result != b->result || a->nvals != b->nvals ||
        a->calls != b->calls || memcmp(a->memory, b->memory, DOUBLES) != 0) {
        return false;
    }
    for (unsigned k = 0; k < NDOUBLES; k++) {
        uint64_t x = it_load((uint64_t)(uintptr_t)a->memory + DOUBLES + 8 * k, 8);
        uint64_t y = it_load((uint64_t)(uintptr_t)b->memory + DOUBLES + 8 * k, 8);
        if (!same_value(x, y, true)) {
            return false;
        }
    }
    if (!a->exited) {
        return true;
    }
    if (a->kind != b->kind || a->reason != b->reason || a->throw_bci != b->throw_bci ||
        a->nframes != b->nframes || memcmp(a->bci, b->bci, sizeof a->bci) != 0) {
        return false;
    }
    for (uint32_t k = 0; k < a->nvals; k++) {
        if (a->is_double[k] != b->is_double[k] || a->owned[k] != b->owned[k] ||
            !same_value(a->vals[k], b->vals[k], a->is_double[k])) {
            return false;
        }
    }
    return true;
}

static int open_cache(void **state)
{
    const char *error = NULL;
    (void)state;
    cache = cc_create(NULL, (size_t)32 << 20, &error);
    if (cache == NULL) {
        return -1;
    }
    exit_entry = lir_trampoline_install(cache, fake_exit);
    stubs = lir_stubs_new(cache);
    return exit_entry == NULL || stubs == NULL ? -1 : 0;
}

static int close_cache(void **state)
{
    (void)state;
    lir_stubs_free(stubs);
    cc_destroy(cache);
    return 0;
}

/* Compiles `f`; fails the test with the listing when it cannot. */
static CodeUnit *compile(LirFunc *f, LirOptions opts, StrBuf *dump)
{
    const char *reason = NULL;
    CodeUnit *u = rt_unit_new(NULL, 0);
    opts.cc = cache;
    opts.exit_entry = exit_entry;
    opts.stubs = current_seed % 4 ? stubs : NULL;
    opts.verify = true;
    StrBuf lir = SB_INIT;
    opts.dump_lir = dump ? dump : &lir;
    opts.dump_asm = dump;
    if (!lir_compile_lir(f, u, &opts, &reason)) {
        fprintf(stderr, "%s\n", sb_str(opts.dump_lir));
        fail_msg("seed %lu not compiled: %s", current_seed, reason);
    }
    sb_free(&lir);
    return u;
}

static void drop_unit(CodeUnit *u)
{
    cc_free(cache, u->blob, true);
    rt_unit_free(u);
}

#endif
