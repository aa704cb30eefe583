/* x86-64 assembler: instruction encoder, labels, branch relaxation, constant pool.
 *
 * It knows nothing of Python. A user emits instructions into two sections, hot and cold; branches
 * to labels take no space while emitting and get their shortest form (rel8 or rel32) when the code
 * is finalised, so that listings need no guess and no second pass by the user:
 *
 *     X64Asm a;
 *     x64_init(&a);
 *     x64_set_code_range(&a, cache_lo, cache_hi);     // where the code may end up
 *     X64Label slow = x64_label(&a);
 *     x64_alu_ri(&a, X64_CMP, X64_Q, X64_RDI, 0);
 *     x64_jcc(&a, X64_E, slow);
 *     ...
 *     x64_section(&a, X64_COLD);
 *     x64_bind(&a, slow);
 *     ...
 *     if (x64_finalize(&a) == 0) {
 *         get memory for x64_size(&a, X64_HOT) and x64_size(&a, X64_COLD) bytes
 *         x64_copy_to(&a, hot_w, hot_exec, cold_w, cold_exec);
 *     }
 *     x64_reset(&a);   // ready for the next function, storage kept
 *     x64_free(&a);
 *
 * Errors (memory ran out, a displacement that cannot be encoded, an unbound label) are sticky:
 * emitters go on doing nothing useful and x64_finalize returns -1 with a->error set. Emitters
 * themselves return nothing.
 *
 * Operand order is Intel's: destination first. Suffixes name the operands: r register, m memory,
 * i immediate; x64_alu_rm is "op reg, mem". Widths are given in bytes (X64_B .. X64_Q). 32-bit
 * operations zero the upper half of the destination, as the processor does.
 */
#ifndef PYSTON_X64_H
#define PYSTON_X64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_macros.h"
#include "base_vec.h"

/* ---- operands ------------------------------------------------------------------------------ */

typedef enum X64Reg {
    X64_RAX,
    X64_RCX,
    X64_RDX,
    X64_RBX,
    X64_RSP,
    X64_RBP,
    X64_RSI,
    X64_RDI,
    X64_R8,
    X64_R9,
    X64_R10,
    X64_R11,
    X64_R12,
    X64_R13,
    X64_R14,
    X64_R15,
    X64_NOREG = 0xff
} X64Reg;

typedef enum X64Xmm {
    X64_XMM0,
    X64_XMM1,
    X64_XMM2,
    X64_XMM3,
    X64_XMM4,
    X64_XMM5,
    X64_XMM6,
    X64_XMM7,
    X64_XMM8,
    X64_XMM9,
    X64_XMM10,
    X64_XMM11,
    X64_XMM12,
    X64_XMM13,
    X64_XMM14,
    X64_XMM15,
    X64_NOXMM = 0xff
} X64Xmm;

/* Operand widths in bytes. */
typedef enum X64Width { X64_B = 1, X64_W = 2, X64_D = 4, X64_Q = 8 } X64Width;

/* Condition codes with the processor's numbers; cc ^ 1 is the opposite. */
typedef enum X64Cond {
    X64_O,
    X64_NO,
    X64_C,
    X64_NC,
    X64_E,
    X64_NE,
    X64_BE,
    X64_A,
    X64_S,
    X64_NS,
    X64_P,
    X64_NP,
    X64_L,
    X64_GE,
    X64_LE,
    X64_G,
    X64_Z = X64_E,
    X64_NZ = X64_NE,
    X64_AE = X64_NC
} X64Cond;
#define X64_BELOW X64_C /* unsigned <; the name X64_B is the byte width */

static inline X64Cond x64_cond_not(X64Cond cc)
{
    return (X64Cond)(cc ^ 1);
}

/* Condition that holds for (y, x) when `cc` holds for (x, y) after a comparison. */
X64Cond x64_cond_swap(X64Cond cc);

typedef enum X64MemKind {
    X64_MEM_BASE,  /* [base + index * scale + disp]; base and index optional */
    X64_MEM_CONST, /* RIP-relative, entry `disp` of the constant pool */
    X64_MEM_LABEL, /* RIP-relative, label `disp` */
    X64_MEM_ABS,   /* RIP-relative, entry `disp` of the table of absolute addresses */
    X64_MEM_FS,    /* [fs:disp], thread-local */
} X64MemKind;

/* A memory operand, passed by value (8 bytes). Use the constructors. */
typedef struct X64Mem {
    uint8_t kind;
    uint8_t base;
    uint8_t index;
    uint8_t scale_log2; /* 0..3 */
    int32_t disp;
} X64Mem;

/* [base + disp] */
static inline X64Mem x64_mem(X64Reg base, int32_t disp)
{
    return (X64Mem){X64_MEM_BASE, (uint8_t)base, X64_NOREG, 0, disp};
}

/* [base + index * scale + disp]; scale is 1, 2, 4 or 8; index must not be RSP. base may be
 * X64_NOREG. */
static inline X64Mem x64_mem_index(X64Reg base, X64Reg index, int scale, int32_t disp)
{
    return (X64Mem){X64_MEM_BASE, (uint8_t)base, (uint8_t)index,
                    (uint8_t)(scale == 8   ? 3
                              : scale == 4 ? 2
                              : scale == 2 ? 1
                                           : 0),
                    disp};
}

/* [fs:disp]: `disp` from the thread pointer. */
static inline X64Mem x64_mem_fs(int32_t disp)
{
    return (X64Mem){X64_MEM_FS, X64_NOREG, X64_NOREG, 0, disp};
}

/* ---- the assembler ------------------------------------------------------------------------- */

typedef enum X64Section { X64_HOT, X64_COLD, X64_NSECTIONS } X64Section;

typedef struct X64Label {
    uint32_t id;
} X64Label;

/* A place in the code, valid at once and translated to an offset after finalising. */
typedef struct X64Pos {
    uint32_t raw;       /* bytes emitted before it, relaxable sites not counted */
    uint32_t site : 31; /* relaxable sites before it in its section */
    uint32_t section : 1;
} X64Pos;

/* Something whose size is known only at the end: a branch to a label, or alignment padding. */
typedef struct X64Site {
    uint32_t raw;    /* bytes of the section's buffer before it */
    uint32_t target; /* label, or the alignment for padding */
    uint32_t start;  /* offset after the last layout */
    uint8_t kind;    /* a condition code, or one of X64_SITE_* in x64_internal.h */
    uint8_t size;    /* current size in bytes */
} X64Site;

/* Four bytes in a section's buffer that get a RIP-relative displacement when copied. */
typedef struct X64Fixup {
    X64Pos at;      /* of the four bytes */
    uint32_t index; /* constant, label or absolute address */
    uint8_t kind;   /* X64MemKind */
    uint8_t tail;   /* bytes of the instruction behind the four bytes */
} X64Fixup;

typedef struct X64Const {
    uint64_t lo, hi;
    uint32_t offset; /* in the pool, after finalising */
    uint8_t size;    /* 8 or 16 */
} X64Const;

typedef struct X64Code {
    uint8_t *buf;
    uint32_t len, cap;
    VEC(X64Site) sites;
    uint32_t size; /* final size without the pool, after finalising */
} X64Code;

typedef struct X64Asm {
    X64Code code[X64_NSECTIONS];
    X64Code *cur;
    VEC(X64Pos) labels; /* raw == UINT32_MAX: not bound yet */
    VEC(X64Fixup) fixups;
    VEC(X64Const) consts;
    VEC(uintptr_t) addrs;
    uintptr_t range_lo, range_hi; /* where code may be placed */
    uint32_t pool_offset;         /* of the constant pool in the cold section */
    uint32_t pool_size;
    uintptr_t exec[X64_NSECTIONS]; /* after x64_copy_to */
    const char *error;             /* NULL: all is well. A static string. */
    bool finalized;
    uint8_t scratch[64]; /* where emitters write when there is no memory at all */
} X64Asm;

/* Prepares an assembler; takes no memory. The code range is unknown, so absolute targets are
 * reached through the constant pool until x64_set_code_range is called. */
void x64_init(X64Asm *a);

/* Says that all code will be placed inside [lo, hi). Targets that a 32-bit displacement reaches
 * from the whole of it are then encoded directly. */
void x64_set_code_range(X64Asm *a, uintptr_t lo, uintptr_t hi);

/* True when rel32 reaches `addr` from everywhere in the code range. */
bool x64_reachable(const X64Asm *a, const void *addr);

void x64_reset(X64Asm *a); /* forgets the code, keeps storage and code range */
void x64_free(X64Asm *a);  /* frees the storage */

/* Switches the section that following instructions go to. */
void x64_section(X64Asm *a, X64Section s);

/* A new label, unbound; and one bound here. */
X64Label x64_label(X64Asm *a);
X64Label x64_label_here(X64Asm *a);
/* Binds the label to the current position of the current section; once only. */
void x64_bind(X64Asm *a, X64Label l);
bool x64_label_bound(const X64Asm *a, X64Label l);

/* The current position. */
X64Pos x64_here(const X64Asm *a);

/* Operands that name something outside the registers. Constants are merged. */
X64Mem x64_mem_const64(X64Asm *a, uint64_t bits);
X64Mem x64_mem_double(X64Asm *a, double value);
X64Mem x64_mem_const128(X64Asm *a, uint64_t lo, uint64_t hi); /* 16-byte aligned */
X64Mem x64_mem_label(X64Asm *a, X64Label l);
/* RIP-relative access to a fixed address, which must be x64_reachable. */
X64Mem x64_mem_abs(X64Asm *a, const void *addr);

/* ---- finalising ---------------------------------------------------------------------------- */

/* Relaxes branches and lays everything out. 0, or -1 with a->error set. */
int x64_finalize(X64Asm *a) BASE_MUST_CHECK;

/* Bytes of a section, after finalising. The cold size includes the constant pool. May be 0 for
 * the cold section. Sections must be placed 16-byte aligned. */
uint32_t x64_size(const X64Asm *a, X64Section s);

/* Writes the final code. *_w is where to write; *_exec is the address it will run at. The two
 * sections may lie anywhere within +-2 GiB of each other. 0, or -1 with a->error set. */
int x64_copy_to(X64Asm *a, uint8_t *hot_w, uintptr_t hot_exec, uint8_t *cold_w,
                uintptr_t cold_exec) BASE_MUST_CHECK;

/* After finalising: offset of a position or label in its section. */
uint32_t x64_pos_offset(const X64Asm *a, X64Pos p);
uint32_t x64_label_offset(const X64Asm *a, X64Label l, X64Section *section);
/* After x64_copy_to: their address. */
uintptr_t x64_pos_addr(const X64Asm *a, X64Pos p);
uintptr_t x64_label_addr(const X64Asm *a, X64Label l);

/* ---- moves --------------------------------------------------------------------------------- */

void x64_mov_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s); /* nothing for mov r64,r64 with d==s */
void x64_mov_rm(X64Asm *a, X64Width w, X64Reg d, X64Mem m); /* B and W leave the upper bits */
void x64_mov_mr(X64Asm *a, X64Width w, X64Mem m, X64Reg s);
void x64_mov_mi(X64Asm *a, X64Width w, X64Mem m, int32_t imm); /* Q: sign-extended */
/* 64-bit constant in the shortest form that keeps the flags. */
void x64_mov_ri(X64Asm *a, X64Reg d, uint64_t imm);
/* The same, but may use xor, which changes the flags. */
void x64_mov_ri_flags(X64Asm *a, X64Reg d, uint64_t imm);
/* An address: like x64_mov_ri, but RIP-relative lea when that is shorter. Keeps the flags. */
void x64_mov_addr(X64Asm *a, X64Reg d, const void *addr);
/* movabs with all 8 immediate bytes whatever the value, for code that is patched. Returns the
 * position of the immediate. */
X64Pos x64_movabs(X64Asm *a, X64Reg d, uint64_t imm);

/* Zero- and sign-extending from `from` (B, W or D) to 64 bits. */
void x64_movzx_rr(X64Asm *a, X64Width from, X64Reg d, X64Reg s);
void x64_movzx_rm(X64Asm *a, X64Width from, X64Reg d, X64Mem m);
void x64_movsx_rr(X64Asm *a, X64Width from, X64Reg d, X64Reg s);
void x64_movsx_rm(X64Asm *a, X64Width from, X64Reg d, X64Mem m);

void x64_lea(X64Asm *a, X64Width w, X64Reg d, X64Mem m); /* D or Q */
void x64_xchg_rr(X64Asm *a, X64Width w, X64Reg x, X64Reg y);
void x64_xchg_mr(X64Asm *a, X64Width w, X64Mem m, X64Reg r);             /* implies lock */
void x64_cmov_rr(X64Asm *a, X64Cond cc, X64Width w, X64Reg d, X64Reg s); /* W, D or Q */
void x64_cmov_rm(X64Asm *a, X64Cond cc, X64Width w, X64Reg d, X64Mem m);
void x64_setcc_r(X64Asm *a, X64Cond cc, X64Reg d); /* low byte only */
void x64_setcc_m(X64Asm *a, X64Cond cc, X64Mem m);

void x64_push_r(X64Asm *a, X64Reg r);
void x64_push_m(X64Asm *a, X64Mem m);
void x64_push_i(X64Asm *a, int32_t imm);
void x64_pop_r(X64Asm *a, X64Reg r);
void x64_pop_m(X64Asm *a, X64Mem m);

/* ---- integer arithmetic -------------------------------------------------------------------- */

/* The processor's numbers of the eight two-operand operations. */
typedef enum X64Alu {
    X64_ADD,
    X64_OR,
    X64_ADC,
    X64_SBB,
    X64_AND,
    X64_SUB,
    X64_XOR,
    X64_CMP
} X64Alu;

void x64_alu_rr(X64Asm *a, X64Alu op, X64Width w, X64Reg d, X64Reg s);
void x64_alu_ri(X64Asm *a, X64Alu op, X64Width w, X64Reg d, int32_t imm);
void x64_alu_rm(X64Asm *a, X64Alu op, X64Width w, X64Reg d, X64Mem m);
void x64_alu_mr(X64Asm *a, X64Alu op, X64Width w, X64Mem m, X64Reg s);
void x64_alu_mi(X64Asm *a, X64Alu op, X64Width w, X64Mem m, int32_t imm);

void x64_test_rr(X64Asm *a, X64Width w, X64Reg x, X64Reg y);
void x64_test_ri(X64Asm *a, X64Width w, X64Reg r, int32_t imm);
void x64_test_mr(X64Asm *a, X64Width w, X64Mem m, X64Reg r);
void x64_test_mi(X64Asm *a, X64Width w, X64Mem m, int32_t imm);

/* One-operand operations. MUL, IMUL1, DIV and IDIV work on RDX:RAX (AX for bytes). */
typedef enum X64Unary {
    X64_INC,
    X64_DEC,
    X64_NOT,
    X64_NEG,
    X64_MUL,
    X64_IMUL1,
    X64_DIV,
    X64_IDIV
} X64Unary;

void x64_unary_r(X64Asm *a, X64Unary op, X64Width w, X64Reg r);
void x64_unary_m(X64Asm *a, X64Unary op, X64Width w, X64Mem m);

void x64_imul_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s); /* W, D or Q */
void x64_imul_rm(X64Asm *a, X64Width w, X64Reg d, X64Mem m);
void x64_imul_rri(X64Asm *a, X64Width w, X64Reg d, X64Reg s, int32_t imm);
void x64_imul_rmi(X64Asm *a, X64Width w, X64Reg d, X64Mem m, int32_t imm);

void x64_cqo(X64Asm *a); /* RDX:RAX = sign extension of RAX */
void x64_cdq(X64Asm *a); /* EDX:EAX = sign extension of EAX */

typedef enum X64Shift { X64_ROL = 0, X64_ROR = 1, X64_SHL = 4, X64_SHR = 5, X64_SAR = 7 } X64Shift;

void x64_shift_ri(X64Asm *a, X64Shift op, X64Width w, X64Reg d, uint8_t count);
void x64_shift_rcl(X64Asm *a, X64Shift op, X64Width w, X64Reg d);
void x64_shift_mi(X64Asm *a, X64Shift op, X64Width w, X64Mem m, uint8_t count);

/* Bit tests set the carry flag. */
void x64_bt_rr(X64Asm *a, X64Width w, X64Reg r, X64Reg bit); /* W, D or Q */
void x64_bt_ri(X64Asm *a, X64Width w, X64Reg r, uint8_t bit);
void x64_bt_mi(X64Asm *a, X64Width w, X64Mem m, uint8_t bit);
void x64_bsf_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s);
void x64_bsr_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s);

/* ---- control flow -------------------------------------------------------------------------- */

void x64_jmp(X64Asm *a, X64Label l);             /* relaxed */
void x64_jcc(X64Asm *a, X64Cond cc, X64Label l); /* relaxed */
void x64_call(X64Asm *a, X64Label l);
void x64_jmp_r(X64Asm *a, X64Reg r);
void x64_jmp_m(X64Asm *a, X64Mem m);
void x64_call_r(X64Asm *a, X64Reg r);
void x64_call_m(X64Asm *a, X64Mem m);
/* Absolute addresses: rel32 when reachable, otherwise through the constant pool. No register is
 * changed either way. */
void x64_call_abs(X64Asm *a, const void *target);
void x64_jmp_abs(X64Asm *a, const void *target);
void x64_jcc_abs(X64Asm *a, X64Cond cc, const void *target);
void x64_ret(X64Asm *a);
void x64_ud2(X64Asm *a);
void x64_int3(X64Asm *a);
void x64_nop(X64Asm *a, uint32_t bytes); /* exactly that many, in as few instructions as can be */
void x64_align(X64Asm *a, uint32_t n);   /* nops up to a multiple of n: 2, 4, 8 or 16 */

/* A 5-byte jmp rel32 to a label that is never shortened, so that it can be patched. The position
 * is the jump's first byte. The site is padded so that the five bytes do not cross an 8-byte
 * boundary: they can be replaced by one atomic 8-byte store. */
X64Pos x64_jmp_patchable(X64Asm *a, X64Label l);
/* A 5-byte nop at a place that x64_patch_jmp may later turn into a jump; padded likewise. */
X64Pos x64_nop_patchable(X64Asm *a);

/* ---- SSE2 doubles -------------------------------------------------------------------------- */

typedef enum X64Sse {
    X64_MOVSD, /* rr merges the low half only: copy registers with MOVAPD; rm zeroes the upper */
    X64_MOVAPD,
    X64_MOVUPD,
    X64_MOVAPS,
    X64_MOVUPS,
    X64_ADDSD,
    X64_SUBSD,
    X64_MULSD,
    X64_DIVSD,
    X64_SQRTSD,
    X64_MINSD,
    X64_MAXSD,
    X64_UCOMISD,
    X64_COMISD,
    X64_XORPD,
    X64_XORPS,
    X64_ANDPD,
    X64_ANDNPD,
    X64_ORPD,
    X64_UNPCKLPD,
    X64_CVTSD2SS,
    X64_CVTSS2SD,
    X64_MOVSS,
    X64_NSSE
} X64Sse;

void x64_sse_rr(X64Asm *a, X64Sse op, X64Xmm d, X64Xmm s);
void x64_sse_rm(X64Asm *a, X64Sse op, X64Xmm d, X64Mem m);
/* Stores: op is one of the MOV* rows. */
void x64_sse_mr(X64Asm *a, X64Sse op, X64Mem m, X64Xmm s);

void x64_movq_xr(X64Asm *a, X64Xmm d, X64Reg s);
void x64_movq_rx(X64Asm *a, X64Reg d, X64Xmm s);
/* Integer to double; the width is the integer's (D or Q). The upper half of d is kept, which is a
 * false dependency: zero d with XORPS first. */
void x64_cvtsi2sd_rr(X64Asm *a, X64Width w, X64Xmm d, X64Reg s);
void x64_cvtsi2sd_rm(X64Asm *a, X64Width w, X64Xmm d, X64Mem m);
/* Double to integer, truncating; out of range gives the sign bit alone. */
void x64_cvttsd2si_rr(X64Asm *a, X64Width w, X64Reg d, X64Xmm s);
void x64_cvttsd2si_rm(X64Asm *a, X64Width w, X64Reg d, X64Mem m);
void x64_movmskpd(X64Asm *a, X64Reg d, X64Xmm s);

typedef enum X64Round { X64_ROUND_NEAREST, X64_ROUND_DOWN, X64_ROUND_UP, X64_ROUND_TRUNC } X64Round;
/* SSE4.1: ask x64_has_sse41 first. The inexact exception is suppressed. */
void x64_roundsd_rr(X64Asm *a, X64Xmm d, X64Xmm s, X64Round mode);

/* ---- the processor ------------------------------------------------------------------------- */

bool x64_has_sse41(void);
bool x64_has_popcnt(void);
/* SSE4.2's popcnt family; ask first. */
void x64_popcnt_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s);

/* ---- patching installed code --------------------------------------------------------------- */

/* Both addresses name the same byte: `w` is where it can be written now, `exec` where it runs.
 * Under the GIL no other thread executes the code meanwhile (src/codecache/README.md). */

/* Writes jmp rel32 (5 bytes) over the instruction(s) at exec. False: target is out of reach. */
bool x64_patch_jmp(uint8_t *w, uintptr_t exec, uintptr_t target) BASE_MUST_CHECK;
/* Writes a 5-byte nop. */
void x64_patch_nop5(uint8_t *w);
/* Replaces the 4-byte displacement at exec, which ends its instruction. */
bool x64_patch_rel32(uint8_t *w, uintptr_t exec, uintptr_t target) BASE_MUST_CHECK;
void x64_patch_imm32(uint8_t *w, uint32_t imm);
void x64_patch_imm64(uint8_t *w, uint64_t imm);

#endif
