/* x86-64 assembler, the encoder: each public function turns one instruction into bytes. Layout,
 * labels and constants are in x64_layout.c.
 *
 * Everything goes through two functions: put_rr (ModRM with two registers) and put_rm (ModRM with
 * a memory operand). An opcode is one number: the byte, its map (none, 0F, 0F 3A) and its mandatory
 * prefix, so that the tables below read like the manual's.
 */
#include <cpuid.h>

#include "x64_internal.h"

/* Opcode = byte | map | prefix. */
#define M_0F   0x100u
#define M_0F3A 0x200u
#define P_66   0x660000u
#define P_F2   0xf20000u
#define P_F3   0xf30000u

#define REX    0x40u
#define REX_W  0x48u

/* Operand properties that ask for prefixes. */
static inline uint32_t width_prefix(X64Width w)
{
    return w == X64_W ? P_66 : 0;
}
static inline unsigned width_rex(X64Width w)
{
    return w == X64_Q ? REX_W : 0;
}
/* Opcodes come in pairs: even for bytes, odd for the other widths. */
static inline uint32_t width_bit(X64Width w)
{
    return w != X64_B;
}
/* SPL, BPL, SIL and DIL exist only with a REX prefix; without, the numbers mean AH..BH. */
static inline unsigned byte_rex(X64Width w, unsigned r)
{
    return w == X64_B && r >= 4 && r <= 7 ? REX : 0;
}

static inline uint8_t *put_prefix(uint8_t *p, uint32_t op)
{
    if (op >> 16) {
        *p++ = (uint8_t)(op >> 16);
    }
    return p;
}

static inline uint8_t *put_opcode(uint8_t *p, uint32_t op)
{
    if (op & (M_0F | M_0F3A)) {
        *p++ = 0x0f;
        if (op & M_0F3A) {
            *p++ = 0x3a;
        }
    }
    *p++ = (uint8_t)op;
    return p;
}

/* [prefix] [REX] opcode ModRM(11, reg, rm). `rex` is 0, REX or REX_W. */
static inline uint8_t *put_rr(uint8_t *p, uint32_t op, unsigned rex, unsigned reg, unsigned rm)
{
    p = put_prefix(p, op);
    rex |= (reg >> 3) << 2 | rm >> 3;
    if (rex) {
        *p++ = (uint8_t)(REX | rex);
    }
    p = put_opcode(p, op);
    *p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
    return p;
}

/* [prefix] [REX] opcode ModRM [SIB] [disp]; `tail` immediate bytes will follow. */
static uint8_t *put_rm(X64Asm *a, uint8_t *p, uint32_t op, unsigned rex, unsigned reg, X64Mem m,
                       unsigned tail)
{
    unsigned modrm = (reg & 7) << 3;
    if (m.kind == X64_MEM_FS) {
        *p++ = 0x64;
        m.kind = X64_MEM_BASE;
    }
    p = put_prefix(p, op);
    if (m.kind != X64_MEM_BASE) {
        rex |= (reg >> 3) << 2;
        if (rex) {
            *p++ = (uint8_t)(REX | rex);
        }
        p = put_opcode(p, op);
        *p++ = (uint8_t)(modrm | 5); /* mod 00, rm 101: RIP + disp32 */
        x64_add_fixup(a, p, (X64MemKind)m.kind, (uint32_t)m.disp, tail);
        return x64_put32(p, 0);
    }
    unsigned base = m.base, index = m.index;
    if (index == X64_RSP) {
        x64_fail(a, "RSP cannot be an index");
    }
    if (base == X64_NOREG && index != X64_NOREG && m.scale_log2 == 0) {
        base = index; /* [1 * index] is [index], without the disp32 */
        index = X64_NOREG;
    }
    rex |= (reg >> 3) << 2;
    rex |= index == X64_NOREG ? 0 : (index >> 3) << 1;
    rex |= base == X64_NOREG ? 0 : base >> 3;
    if (rex) {
        *p++ = (uint8_t)(REX | rex);
    }
    p = put_opcode(p, op);
    if (base == X64_NOREG) {
        /* mod 00, rm 100, SIB base 101: no base, disp32; SIB index 100: no index. */
        *p++ = (uint8_t)(modrm | 4);
        unsigned x = index == X64_NOREG ? 4 : index & 7;
        *p++ = (uint8_t)((unsigned)m.scale_log2 << 6 | x << 3 | 5);
        return x64_put32(p, (uint32_t)m.disp);
    }
    /* rm 101 (RBP, R13) with mod 00 means RIP-relative, so those want a displacement of 0. */
    unsigned mod = m.disp == 0 && (base & 7) != 5 ? 0x00 : x64_fits8(m.disp) ? 0x40 : 0x80;
    if (index != X64_NOREG || (base & 7) == 4) {
        /* rm 100 (RSP, R12) announces a SIB byte, so those want one with no index. */
        *p++ = (uint8_t)(mod | modrm | 4);
        unsigned x = index == X64_NOREG ? 4 : index & 7;
        *p++ = (uint8_t)((unsigned)m.scale_log2 << 6 | x << 3 | (base & 7));
    } else {
        *p++ = (uint8_t)(mod | modrm | (base & 7));
    }
    if (mod == 0x40) {
        *p++ = (uint8_t)m.disp;
    } else if (mod == 0x80) {
        p = x64_put32(p, (uint32_t)m.disp);
    }
    return p;
}

/* Whole instructions without immediate. */
static void emit_rr(X64Asm *a, uint32_t op, unsigned rex, unsigned reg, unsigned rm)
{
    x64_end(a, put_rr(x64_begin(a), op, rex, reg, rm));
}

static void emit_rm(X64Asm *a, uint32_t op, unsigned rex, unsigned reg, X64Mem m)
{
    x64_end(a, put_rm(a, x64_begin(a), op, rex, reg, m, 0));
}

/* Bytes of a full-size immediate; 64-bit operations sign-extend 32 bits. */
static inline unsigned imm_size(X64Width w)
{
    return w == X64_Q ? 4 : (unsigned)w;
}

static uint8_t *put_imm(uint8_t *p, unsigned size, int32_t imm)
{
    for (unsigned i = 0; i < size; i++) {
        *p++ = (uint8_t)((uint32_t)imm >> (8 * i));
    }
    return p;
}

/* ---- moves --------------------------------------------------------------------------------- */

void x64_mov_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s)
{
    if (w == X64_Q && d == s) {
        return;
    }
    emit_rr(a, 0x88 | width_bit(w) | width_prefix(w),
            width_rex(w) | byte_rex(w, s) | byte_rex(w, d), s, d);
}

void x64_mov_rm(X64Asm *a, X64Width w, X64Reg d, X64Mem m)
{
    emit_rm(a, 0x8a | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, d), d, m);
}

void x64_mov_mr(X64Asm *a, X64Width w, X64Mem m, X64Reg s)
{
    emit_rm(a, 0x88 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, s), s, m);
}

void x64_mov_mi(X64Asm *a, X64Width w, X64Mem m, int32_t imm)
{
    unsigned n = imm_size(w);
    uint8_t *p =
        put_rm(a, x64_begin(a), 0xc6 | width_bit(w) | width_prefix(w), width_rex(w), 0, m, n);
    x64_end(a, put_imm(p, n, imm));
}

X64Pos x64_movabs(X64Asm *a, X64Reg d, uint64_t imm)
{
    uint8_t *p = x64_begin(a);
    *p++ = (uint8_t)(REX_W | (unsigned)d >> 3);
    *p++ = (uint8_t)(0xb8 | (d & 7));
    x64_end(a, p);
    X64Pos at = x64_here(a);
    x64_end(a, x64_put64(p, imm));
    return at;
}

void x64_mov_ri(X64Asm *a, X64Reg d, uint64_t imm)
{
    if (imm <= UINT32_MAX) { /* mov r32, imm32 zero-extends */
        uint8_t *p = x64_begin(a);
        if (d >= X64_R8) {
            *p++ = REX | 1;
        }
        *p++ = (uint8_t)(0xb8 | (d & 7));
        x64_end(a, x64_put32(p, (uint32_t)imm));
    } else if (x64_fits32((int64_t)imm)) {
        uint8_t *p = put_rr(x64_begin(a), 0xc7, REX_W, 0, d);
        x64_end(a, x64_put32(p, (uint32_t)imm));
    } else {
        x64_movabs(a, d, imm);
    }
}

void x64_mov_ri_flags(X64Asm *a, X64Reg d, uint64_t imm)
{
    if (imm == 0) {
        x64_alu_rr(a, X64_XOR, X64_D, d, d);
    } else {
        x64_mov_ri(a, d, imm);
    }
}

void x64_mov_addr(X64Asm *a, X64Reg d, const void *addr)
{
    uint64_t v = (uintptr_t)addr;
    if (v > UINT32_MAX && !x64_fits32((int64_t)v) && x64_reachable(a, addr)) {
        x64_lea(a, X64_Q, d, x64_mem_abs(a, addr));
    } else {
        x64_mov_ri(a, d, v);
    }
}

void x64_movzx_rr(X64Asm *a, X64Width from, X64Reg d, X64Reg s)
{
    if (from >= X64_D) {
        x64_mov_rr(a, from, d, s); /* a 32-bit move zero-extends by itself */
        return;
    }
    emit_rr(a, M_0F | 0xb6 | width_bit(from), byte_rex(from, s), d, s);
}

void x64_movzx_rm(X64Asm *a, X64Width from, X64Reg d, X64Mem m)
{
    if (from >= X64_D) {
        x64_mov_rm(a, from, d, m);
        return;
    }
    emit_rm(a, M_0F | 0xb6 | width_bit(from), 0, d, m);
}

void x64_movsx_rr(X64Asm *a, X64Width from, X64Reg d, X64Reg s)
{
    if (from == X64_Q) {
        x64_mov_rr(a, from, d, s);
        return;
    }
    emit_rr(a, from == X64_D ? 0x63 : M_0F | 0xbe | width_bit(from), REX_W, d, s);
}

void x64_movsx_rm(X64Asm *a, X64Width from, X64Reg d, X64Mem m)
{
    if (from == X64_Q) {
        x64_mov_rm(a, from, d, m);
        return;
    }
    emit_rm(a, from == X64_D ? 0x63 : M_0F | 0xbe | width_bit(from), REX_W, d, m);
}

void x64_lea(X64Asm *a, X64Width w, X64Reg d, X64Mem m)
{
    emit_rm(a, 0x8d, width_rex(w), d, m);
}

void x64_xchg_rr(X64Asm *a, X64Width w, X64Reg x, X64Reg y)
{
    emit_rr(a, 0x86 | width_bit(w) | width_prefix(w),
            width_rex(w) | byte_rex(w, x) | byte_rex(w, y), y, x);
}

void x64_xchg_mr(X64Asm *a, X64Width w, X64Mem m, X64Reg r)
{
    emit_rm(a, 0x86 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, r), r, m);
}

void x64_cmov_rr(X64Asm *a, X64Cond cc, X64Width w, X64Reg d, X64Reg s)
{
    emit_rr(a, M_0F | 0x40 | cc | width_prefix(w), width_rex(w), d, s);
}

void x64_cmov_rm(X64Asm *a, X64Cond cc, X64Width w, X64Reg d, X64Mem m)
{
    emit_rm(a, M_0F | 0x40 | cc | width_prefix(w), width_rex(w), d, m);
}

void x64_setcc_r(X64Asm *a, X64Cond cc, X64Reg d)
{
    emit_rr(a, M_0F | 0x90 | cc, byte_rex(X64_B, d), 0, d);
}

void x64_setcc_m(X64Asm *a, X64Cond cc, X64Mem m)
{
    emit_rm(a, M_0F | 0x90 | cc, 0, 0, m);
}

static void emit_short_reg(X64Asm *a, unsigned op, X64Reg r)
{
    uint8_t *p = x64_begin(a);
    if (r >= X64_R8) {
        *p++ = REX | 1;
    }
    *p++ = (uint8_t)(op | (r & 7));
    x64_end(a, p);
}

void x64_push_r(X64Asm *a, X64Reg r)
{
    emit_short_reg(a, 0x50, r);
}
void x64_pop_r(X64Asm *a, X64Reg r)
{
    emit_short_reg(a, 0x58, r);
}
void x64_push_m(X64Asm *a, X64Mem m)
{
    emit_rm(a, 0xff, 0, 6, m);
}
void x64_pop_m(X64Asm *a, X64Mem m)
{
    emit_rm(a, 0x8f, 0, 0, m);
}

void x64_push_i(X64Asm *a, int32_t imm)
{
    uint8_t *p = x64_begin(a);
    *p++ = x64_fits8(imm) ? 0x6a : 0x68;
    x64_end(a, put_imm(p, x64_fits8(imm) ? 1 : 4, imm));
}

/* ---- integer arithmetic -------------------------------------------------------------------- */

void x64_alu_rr(X64Asm *a, X64Alu op, X64Width w, X64Reg d, X64Reg s)
{
    emit_rr(a, (uint32_t)op << 3 | width_bit(w) | width_prefix(w),
            width_rex(w) | byte_rex(w, s) | byte_rex(w, d), s, d);
}

void x64_alu_rm(X64Asm *a, X64Alu op, X64Width w, X64Reg d, X64Mem m)
{
    emit_rm(a, (uint32_t)op << 3 | 2 | width_bit(w) | width_prefix(w),
            width_rex(w) | byte_rex(w, d), d, m);
}

void x64_alu_mr(X64Asm *a, X64Alu op, X64Width w, X64Mem m, X64Reg s)
{
    emit_rm(a, (uint32_t)op << 3 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, s), s,
            m);
}

/* The immediate as the operation sees it: 16-bit operations accept both signed and unsigned
 * spellings of the same bits. */
static int32_t narrow_imm(X64Width w, int32_t imm)
{
    return w == X64_W ? (int16_t)imm : w == X64_B ? (int8_t)imm : imm;
}

void x64_alu_ri(X64Asm *a, X64Alu op, X64Width w, X64Reg d, int32_t imm)
{
    uint8_t *p = x64_begin(a);
    unsigned n = imm_size(w);
    imm = narrow_imm(w, imm);
    if (w != X64_B && x64_fits8(imm)) {
        p = put_rr(p, 0x83 | width_prefix(w), width_rex(w), op, d);
        n = 1;
    } else if (d == X64_RAX) { /* the accumulator has a form without ModRM */
        p = put_prefix(p, width_prefix(w));
        if (w == X64_Q) {
            *p++ = REX_W;
        }
        *p++ = (uint8_t)((unsigned)op << 3 | 4 | width_bit(w));
    } else {
        p = put_rr(p, 0x80 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, d), op, d);
    }
    x64_end(a, put_imm(p, n, imm));
}

void x64_alu_mi(X64Asm *a, X64Alu op, X64Width w, X64Mem m, int32_t imm)
{
    imm = narrow_imm(w, imm);
    bool short_imm = w != X64_B && x64_fits8(imm);
    unsigned n = short_imm ? 1 : imm_size(w);
    uint32_t code = short_imm ? 0x83 : 0x80 | width_bit(w);
    uint8_t *p = put_rm(a, x64_begin(a), code | width_prefix(w), width_rex(w), op, m, n);
    x64_end(a, put_imm(p, n, imm));
}

void x64_test_rr(X64Asm *a, X64Width w, X64Reg x, X64Reg y)
{
    emit_rr(a, 0x84 | width_bit(w) | width_prefix(w),
            width_rex(w) | byte_rex(w, x) | byte_rex(w, y), y, x);
}

void x64_test_mr(X64Asm *a, X64Width w, X64Mem m, X64Reg r)
{
    emit_rm(a, 0x84 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, r), r, m);
}

void x64_test_ri(X64Asm *a, X64Width w, X64Reg r, int32_t imm)
{
    /* With a mask whose upper bits are zero a narrower test gives the same flags: the result is
     * the same number, its sign is 0 either way, and parity looks at the low byte only. */
    if (w == X64_Q && imm >= 0) {
        w = X64_D;
    }
    if (w == X64_D && imm >= 0 && imm <= 0x7f) {
        w = X64_B;
    }
    uint8_t *p = x64_begin(a);
    if (r == X64_RAX) {
        p = put_prefix(p, width_prefix(w));
        if (w == X64_Q) {
            *p++ = REX_W;
        }
        *p++ = (uint8_t)(0xa8 | width_bit(w));
    } else {
        p = put_rr(p, 0xf6 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, r), 0, r);
    }
    x64_end(a, put_imm(p, imm_size(w), imm));
}

void x64_test_mi(X64Asm *a, X64Width w, X64Mem m, int32_t imm)
{
    unsigned n = imm_size(w);
    uint8_t *p =
        put_rm(a, x64_begin(a), 0xf6 | width_bit(w) | width_prefix(w), width_rex(w), 0, m, n);
    x64_end(a, put_imm(p, n, imm));
}

/* INC and DEC are FE/FF /0 and /1; the others F6/F7 /2 and up. */
static const struct {
    uint8_t opcode, ext;
} unary_table[] = {
    [X64_INC] = {0xfe, 0}, [X64_DEC] = {0xfe, 1},   [X64_NOT] = {0xf6, 2}, [X64_NEG] = {0xf6, 3},
    [X64_MUL] = {0xf6, 4}, [X64_IMUL1] = {0xf6, 5}, [X64_DIV] = {0xf6, 6}, [X64_IDIV] = {0xf6, 7},
};

void x64_unary_r(X64Asm *a, X64Unary op, X64Width w, X64Reg r)
{
    emit_rr(a, unary_table[op].opcode | width_bit(w) | width_prefix(w),
            width_rex(w) | byte_rex(w, r), unary_table[op].ext, r);
}

void x64_unary_m(X64Asm *a, X64Unary op, X64Width w, X64Mem m)
{
    emit_rm(a, unary_table[op].opcode | width_bit(w) | width_prefix(w), width_rex(w),
            unary_table[op].ext, m);
}

void x64_imul_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s)
{
    emit_rr(a, M_0F | 0xaf | width_prefix(w), width_rex(w), d, s);
}

void x64_imul_rm(X64Asm *a, X64Width w, X64Reg d, X64Mem m)
{
    emit_rm(a, M_0F | 0xaf | width_prefix(w), width_rex(w), d, m);
}

void x64_imul_rri(X64Asm *a, X64Width w, X64Reg d, X64Reg s, int32_t imm)
{
    imm = narrow_imm(w, imm);
    unsigned n = x64_fits8(imm) ? 1 : imm_size(w);
    uint8_t *p = put_rr(x64_begin(a), (n == 1 ? 0x6b : 0x69) | width_prefix(w), width_rex(w), d, s);
    x64_end(a, put_imm(p, n, imm));
}

void x64_imul_rmi(X64Asm *a, X64Width w, X64Reg d, X64Mem m, int32_t imm)
{
    imm = narrow_imm(w, imm);
    unsigned n = x64_fits8(imm) ? 1 : imm_size(w);
    uint8_t *p =
        put_rm(a, x64_begin(a), (n == 1 ? 0x6b : 0x69) | width_prefix(w), width_rex(w), d, m, n);
    x64_end(a, put_imm(p, n, imm));
}

static void emit_bytes(X64Asm *a, unsigned n, uint32_t bytes)
{
    uint8_t *p = x64_begin(a);
    for (unsigned i = 0; i < n; i++) {
        *p++ = (uint8_t)(bytes >> (8 * i));
    }
    x64_end(a, p);
}

void x64_cqo(X64Asm *a)
{
    emit_bytes(a, 2, 0x9948);
}
void x64_cdq(X64Asm *a)
{
    emit_bytes(a, 1, 0x99);
}

void x64_shift_ri(X64Asm *a, X64Shift op, X64Width w, X64Reg d, uint8_t count)
{
    uint8_t *p = put_rr(x64_begin(a), (count == 1 ? 0xd0 : 0xc0) | width_bit(w) | width_prefix(w),
                        width_rex(w) | byte_rex(w, d), op, d);
    x64_end(a, put_imm(p, count != 1, count));
}

void x64_shift_mi(X64Asm *a, X64Shift op, X64Width w, X64Mem m, uint8_t count)
{
    uint8_t *p =
        put_rm(a, x64_begin(a), (count == 1 ? 0xd0 : 0xc0) | width_bit(w) | width_prefix(w),
               width_rex(w), op, m, count != 1);
    x64_end(a, put_imm(p, count != 1, count));
}

void x64_shift_rcl(X64Asm *a, X64Shift op, X64Width w, X64Reg d)
{
    emit_rr(a, 0xd2 | width_bit(w) | width_prefix(w), width_rex(w) | byte_rex(w, d), op, d);
}

void x64_bt_rr(X64Asm *a, X64Width w, X64Reg r, X64Reg bit)
{
    emit_rr(a, M_0F | 0xa3 | width_prefix(w), width_rex(w), bit, r);
}

void x64_bt_ri(X64Asm *a, X64Width w, X64Reg r, uint8_t bit)
{
    uint8_t *p = put_rr(x64_begin(a), M_0F | 0xba | width_prefix(w), width_rex(w), 4, r);
    x64_end(a, put_imm(p, 1, bit));
}

void x64_bt_mi(X64Asm *a, X64Width w, X64Mem m, uint8_t bit)
{
    uint8_t *p = put_rm(a, x64_begin(a), M_0F | 0xba | width_prefix(w), width_rex(w), 4, m, 1);
    x64_end(a, put_imm(p, 1, bit));
}

void x64_bsf_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s)
{
    emit_rr(a, M_0F | 0xbc | width_prefix(w), width_rex(w), d, s);
}

void x64_bsr_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s)
{
    emit_rr(a, M_0F | 0xbd | width_prefix(w), width_rex(w), d, s);
}

void x64_popcnt_rr(X64Asm *a, X64Width w, X64Reg d, X64Reg s)
{
    /* F3 is mandatory here and must be the last prefix before REX. */
    if (w == X64_W) {
        uint8_t *p = x64_begin(a);
        *p++ = 0x66;
        x64_end(a, p);
    }
    emit_rr(a, M_0F | 0xb8 | P_F3, width_rex(w), d, s);
}

/* ---- control flow -------------------------------------------------------------------------- */

X64Cond x64_cond_swap(X64Cond cc)
{
    static const uint8_t swapped[16] = {
        X64_O, X64_NO, X64_A, X64_BE, X64_E, X64_NE, X64_NC, X64_C,
        X64_S, X64_NS, X64_P, X64_NP, X64_G, X64_LE, X64_GE, X64_L,
    };
    return (X64Cond)swapped[cc & 15];
}

void x64_jmp(X64Asm *a, X64Label l)
{
    x64_add_site(a, X64_SITE_JMP, l.id);
}
void x64_jcc(X64Asm *a, X64Cond cc, X64Label l)
{
    x64_add_site(a, cc, l.id);
}

void x64_jmp_r(X64Asm *a, X64Reg r)
{
    emit_rr(a, 0xff, 0, 4, r);
}
void x64_jmp_m(X64Asm *a, X64Mem m)
{
    emit_rm(a, 0xff, 0, 4, m);
}
void x64_call_r(X64Asm *a, X64Reg r)
{
    emit_rr(a, 0xff, 0, 2, r);
}
void x64_call_m(X64Asm *a, X64Mem m)
{
    emit_rm(a, 0xff, 0, 2, m);
}

/* Opcode byte(s), then rel32 to the given thing. */
static void emit_rel32(X64Asm *a, unsigned nbytes, uint32_t bytes, X64MemKind kind, uint32_t index)
{
    emit_bytes(a, nbytes, bytes);
    uint8_t *p = x64_begin(a);
    x64_add_fixup(a, p, kind, index, 0);
    x64_end(a, x64_put32(p, 0));
}

void x64_call(X64Asm *a, X64Label l)
{
    emit_rel32(a, 1, 0xe8, X64_MEM_LABEL, l.id);
}

void x64_call_abs(X64Asm *a, const void *target)
{
    if (x64_reachable(a, target)) {
        emit_rel32(a, 1, 0xe8, X64_MEM_ABS, x64_add_addr(a, target));
    } else {
        x64_call_m(a, x64_mem_const64(a, (uintptr_t)target));
    }
}

void x64_jmp_abs(X64Asm *a, const void *target)
{
    if (x64_reachable(a, target)) {
        emit_rel32(a, 1, 0xe9, X64_MEM_ABS, x64_add_addr(a, target));
    } else {
        x64_jmp_m(a, x64_mem_const64(a, (uintptr_t)target));
    }
}

void x64_jcc_abs(X64Asm *a, X64Cond cc, const void *target)
{
    if (x64_reachable(a, target)) {
        emit_rel32(a, 2, 0x0f | (0x80u | cc) << 8, X64_MEM_ABS, x64_add_addr(a, target));
    } else {
        /* The opposite condition jumps over a 6-byte jmp [rip + disp32]. */
        emit_bytes(a, 2, (0x70u | x64_cond_not(cc)) | 6u << 8);
        x64_jmp_m(a, x64_mem_const64(a, (uintptr_t)target));
    }
}

X64Pos x64_jmp_patchable(X64Asm *a, X64Label l)
{
    x64_add_site(a, X64_SITE_PAD5, 0);
    X64Pos at = x64_here(a);
    emit_rel32(a, 1, 0xe9, X64_MEM_LABEL, l.id);
    return at;
}

X64Pos x64_nop_patchable(X64Asm *a)
{
    x64_add_site(a, X64_SITE_PAD5, 0);
    X64Pos at = x64_here(a);
    x64_nop(a, 5);
    return at;
}

void x64_ret(X64Asm *a)
{
    emit_bytes(a, 1, 0xc3);
}
void x64_ud2(X64Asm *a)
{
    emit_bytes(a, 2, 0x0b0f);
}
void x64_int3(X64Asm *a)
{
    emit_bytes(a, 1, 0xcc);
}

/* The manual's recommended multi-byte nops. */
static const uint8_t nop_table[9][9] = {
    {0x90},
    {0x66, 0x90},
    {0x0f, 0x1f, 0x00},
    {0x0f, 0x1f, 0x40, 0x00},
    {0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
    {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
};

uint8_t *x64_put_nops(uint8_t *p, uint32_t n)
{
    while (n) {
        uint32_t k = BASE_MIN(n, 9u);
        __builtin_memcpy(p, nop_table[k - 1], k);
        p += k;
        n -= k;
    }
    return p;
}

void x64_nop(X64Asm *a, uint32_t bytes)
{
    while (bytes) {
        uint32_t k = BASE_MIN(bytes, 9u);
        x64_end(a, x64_put_nops(x64_begin(a), k));
        bytes -= k;
    }
}

/* ---- SSE2 doubles -------------------------------------------------------------------------- */

static const struct {
    uint32_t load;  /* op xmm, xmm/m */
    uint32_t store; /* op m, xmm; 0: none */
} sse_table[X64_NSSE] = {
    [X64_MOVSD] = {P_F2 | M_0F | 0x10, P_F2 | M_0F | 0x11},
    [X64_MOVSS] = {P_F3 | M_0F | 0x10, P_F3 | M_0F | 0x11},
    [X64_MOVAPD] = {P_66 | M_0F | 0x28, P_66 | M_0F | 0x29},
    [X64_MOVUPD] = {P_66 | M_0F | 0x10, P_66 | M_0F | 0x11},
    [X64_MOVAPS] = {M_0F | 0x28, M_0F | 0x29},
    [X64_MOVUPS] = {M_0F | 0x10, M_0F | 0x11},
    [X64_ADDSD] = {P_F2 | M_0F | 0x58, 0},
    [X64_SUBSD] = {P_F2 | M_0F | 0x5c, 0},
    [X64_MULSD] = {P_F2 | M_0F | 0x59, 0},
    [X64_DIVSD] = {P_F2 | M_0F | 0x5e, 0},
    [X64_SQRTSD] = {P_F2 | M_0F | 0x51, 0},
    [X64_MINSD] = {P_F2 | M_0F | 0x5d, 0},
    [X64_MAXSD] = {P_F2 | M_0F | 0x5f, 0},
    [X64_UCOMISD] = {P_66 | M_0F | 0x2e, 0},
    [X64_COMISD] = {P_66 | M_0F | 0x2f, 0},
    [X64_XORPD] = {P_66 | M_0F | 0x57, 0},
    [X64_XORPS] = {M_0F | 0x57, 0},
    [X64_ANDPD] = {P_66 | M_0F | 0x54, 0},
    [X64_ANDNPD] = {P_66 | M_0F | 0x55, 0},
    [X64_ORPD] = {P_66 | M_0F | 0x56, 0},
    [X64_UNPCKLPD] = {P_66 | M_0F | 0x14, 0},
    [X64_CVTSD2SS] = {P_F2 | M_0F | 0x5a, 0},
    [X64_CVTSS2SD] = {P_F3 | M_0F | 0x5a, 0},
};

void x64_sse_rr(X64Asm *a, X64Sse op, X64Xmm d, X64Xmm s)
{
    emit_rr(a, sse_table[op].load, 0, d, s);
}

void x64_sse_rm(X64Asm *a, X64Sse op, X64Xmm d, X64Mem m)
{
    emit_rm(a, sse_table[op].load, 0, d, m);
}

void x64_sse_mr(X64Asm *a, X64Sse op, X64Mem m, X64Xmm s)
{
    if (sse_table[op].store == 0) {
        x64_fail(a, "not a store");
        return;
    }
    emit_rm(a, sse_table[op].store, 0, s, m);
}

void x64_movq_xr(X64Asm *a, X64Xmm d, X64Reg s)
{
    emit_rr(a, P_66 | M_0F | 0x6e, REX_W, d, s);
}
void x64_movq_rx(X64Asm *a, X64Reg d, X64Xmm s)
{
    emit_rr(a, P_66 | M_0F | 0x7e, REX_W, s, d);
}

void x64_cvtsi2sd_rr(X64Asm *a, X64Width w, X64Xmm d, X64Reg s)
{
    emit_rr(a, P_F2 | M_0F | 0x2a, width_rex(w), d, s);
}

void x64_cvtsi2sd_rm(X64Asm *a, X64Width w, X64Xmm d, X64Mem m)
{
    emit_rm(a, P_F2 | M_0F | 0x2a, width_rex(w), d, m);
}

void x64_cvttsd2si_rr(X64Asm *a, X64Width w, X64Reg d, X64Xmm s)
{
    emit_rr(a, P_F2 | M_0F | 0x2c, width_rex(w), d, s);
}

void x64_cvttsd2si_rm(X64Asm *a, X64Width w, X64Reg d, X64Mem m)
{
    emit_rm(a, P_F2 | M_0F | 0x2c, width_rex(w), d, m);
}

void x64_movmskpd(X64Asm *a, X64Reg d, X64Xmm s)
{
    emit_rr(a, P_66 | M_0F | 0x50, 0, d, s);
}

void x64_roundsd_rr(X64Asm *a, X64Xmm d, X64Xmm s, X64Round mode)
{
    uint8_t *p = put_rr(x64_begin(a), P_66 | M_0F3A | 0x0b, 0, d, s);
    x64_end(a, put_imm(p, 1, mode | 8)); /* bit 3: no precision exception */
}

/* ---- the processor ------------------------------------------------------------------------- */

static bool cpuid1_ecx(unsigned bit)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> bit & 1);
}

bool x64_has_sse41(void)
{
    return cpuid1_ecx(19);
}
bool x64_has_popcnt(void)
{
    return cpuid1_ecx(23);
}

/* ---- patching ------------------------------------------------------------------------------ */

bool x64_patch_rel32(uint8_t *w, uintptr_t exec, uintptr_t target)
{
    int64_t disp = (int64_t)(target - (exec + 4));
    if (!x64_fits32(disp)) {
        return false;
    }
    x64_put32(w, (uint32_t)disp);
    return true;
}

bool x64_patch_jmp(uint8_t *w, uintptr_t exec, uintptr_t target)
{
    if (!x64_patch_rel32(w + 1, exec + 1, target)) {
        return false;
    }
    w[0] = 0xe9;
    return true;
}

void x64_patch_nop5(uint8_t *w)
{
    x64_put_nops(w, 5);
}
void x64_patch_imm32(uint8_t *w, uint32_t imm)
{
    x64_put32(w, imm);
}
void x64_patch_imm64(uint8_t *w, uint64_t imm)
{
    x64_put64(w, imm);
}
