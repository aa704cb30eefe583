/* Machine code as text: each LIR instruction with the bytes it became.
 *
 * With libcapstone on the machine (it is looked for at run time and needed by
 * nothing) the bytes are disassembled; without it they are shown in hex. */
#include "lir_emit.h"

#include <dlfcn.h>
#include <string.h>

/* Where cs_insn keeps the text: behind the bytes, which are 16 in version 4 and 24 in version 5. */
enum { CS_BYTES = 18, CS_MNEMONIC_SIZE = 32 };

typedef struct {
    size_t handle;
    void *lib;
    int (*open)(int arch, int mode, size_t *handle);
    bool (*iter)(size_t handle, const uint8_t **code, size_t *size, uint64_t *address, void *insn);
    void *(*alloc)(size_t handle);
    void (*free)(void *insn, size_t n);
    int (*close)(size_t *handle);
    int (*version)(int *major, int *minor);
    char *insn;
    int text; /* offset of the mnemonic in an instruction */
} Disasm;

static void *lir_sym(Disasm *d, const char *name)
{
    return d->lib ? dlsym(d->lib, name) : NULL;
}

static bool lir_disasm_open(Disasm *d)
{
    static const char *const names[] = {"libcapstone.so.5", "libcapstone.so.4", "libcapstone.so"};
    memset(d, 0, sizeof *d);
    for (unsigned k = 0; k < 3 && !d->lib; k++) {
        d->lib = dlopen(names[k], RTLD_NOW | RTLD_LOCAL);
    }
    void *s[] = {lir_sym(d, "cs_open"), lir_sym(d, "cs_disasm_iter"), lir_sym(d, "cs_malloc"),
                 lir_sym(d, "cs_free"), lir_sym(d, "cs_close"),       lir_sym(d, "cs_version")};
    if (!s[0] || !s[1] || !s[2] || !s[3] || !s[4] || !s[5]) {
        return false;
    }
    memcpy(&d->open, &s[0], sizeof s[0]);
    memcpy(&d->iter, &s[1], sizeof s[1]);
    memcpy(&d->alloc, &s[2], sizeof s[2]);
    memcpy(&d->free, &s[3], sizeof s[3]);
    memcpy(&d->close, &s[4], sizeof s[4]);
    memcpy(&d->version, &s[5], sizeof s[5]);
    int major = 0, minor = 0;
    d->version(&major, &minor);
    if (major != 4 && major != 5) {
        return false;
    }
    d->text = CS_BYTES + (major == 4 ? 16 : 24);
    enum { CS_ARCH_X86 = 3, CS_MODE_64 = 8 };
    return d->open(CS_ARCH_X86, CS_MODE_64, &d->handle) == 0 && (d->insn = d->alloc(d->handle));
}

static void lir_disasm_close(Disasm *d)
{
    if (d->insn) {
        d->free(d->insn, 1);
        d->close(&d->handle);
    }
}

static void lir_bytes(const Disasm *d, const uint8_t *p, size_t n, StrBuf *sb)
{
    uint64_t at = (uint64_t)(uintptr_t)p;
    while (n) {
        const uint8_t *q = p;
        size_t left = n;
        if (d->insn && d->iter(d->handle, &p, &left, &at, d->insn)) {
            const char *text = d->insn + d->text;
            sb_printf(sb, "    %12llx  %s %s\n", (unsigned long long)(uintptr_t)q, text,
                      text + CS_MNEMONIC_SIZE);
            n = left;
            continue;
        }
        size_t k = n < 16 ? n : 16;
        sb_printf(sb, "    %12llx ", (unsigned long long)(uintptr_t)q);
        for (size_t j = 0; j < k; j++) {
            sb_printf(sb, " %02x", q[j]);
        }
        sb_putc(sb, '\n');
        p = q + k;
        at += k;
        n -= k;
    }
}

void lir_listing(LirEmit *e, const CodeBlob *blob, StrBuf *sb)
{
    Disasm d;
    if (!lir_disasm_open(&d)) {
        d.insn = NULL;
    }
    const uintptr_t base[2] = {blob->hot, blob->cold};
    const uint32_t size[2] = {blob->hot_size, blob->cold_size};
    sb_printf(sb,
              "code of %s: %u bytes at %#lx, cold %u bytes at %#lx, frame %u bytes, %u exits, "
              "%u frames, %u values\n",
              e->f->name ? e->f->name : "?", blob->hot_size, (unsigned long)blob->hot,
              blob->cold_size, (unsigned long)blob->cold, e->frame_bytes, e->exits.len,
              e->unit->nexit_frames, e->unit->nlocs);
    for (unsigned sec = 0; sec < 2; sec++) {
        uint32_t at = 0;
        for (uint32_t k = 0; k < e->marks.len; k++) {
            const LirMark *m = &e->marks.data[k];
            if (m->at.section != sec) {
                continue;
            }
            uint32_t to = x64_pos_offset(e->as, m->at);
            if (to > at) {
                lir_bytes(&d, (const uint8_t *)base[sec] + at, to - at, sb);
                at = to;
            }
            if (m->block) {
                sb_printf(sb, "b%u:%s\n", m->block->id, m->block->cold ? " cold" : "");
            } else if (m->ins) {
                sb_puts(sb, "  ");
                lir_print_ins(m->ins, sb);
            } else {
                sb_printf(sb, "exit %u:\n", m->exit);
            }
        }
        uint32_t end = x64_size(e->as, sec == 0 ? X64_HOT : X64_COLD);
        end = BASE_MIN(end, size[sec]);
        end = sec == 1 ? BASE_MIN(end, e->as->pool_offset) : end;
        if (end > at) {
            lir_bytes(&d, (const uint8_t *)base[sec] + at, end - at, sb);
        }
    }
    lir_disasm_close(&d);
}
