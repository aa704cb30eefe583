/* Code cache: what profilers, debuggers and the C unwinder are told about generated code.
 *
 * - perf reads /tmp/perf-PID.map: one line "start size name" per symbol. Each line is one write()
 *   to a descriptor opened for appending, so a fork leaves no half-written buffer behind and other
 *   writers of the same file (another JIT in the process) do not interleave.
 * - gdb sets a breakpoint in __jit_debug_register_code and reads the list that hangs off
 *   __jit_debug_descriptor: one in-memory ELF object a blob, with a symbol for each section and
 *   unwind information.
 * - The unwinder of libgcc (pthread_exit in a daemon thread at finalisation, C++ exceptions,
 *   backtrace()) asks registered frame tables. All compiled code keeps the same frame, so one
 *   description covers the whole range and nothing is to be done per blob.
 *
 * The description holds from behind the prologue to the epilogue: everywhere a call can be. A
 * profiler's sample inside a prologue may see one frame too few.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cc_internal.h"

/* ---- perf ---------------------------------------------------------------------------------- */

bool cc_perf_wanted(void)
{
    const char *s = getenv("PYSTON_PERF");
    return s && *s && strcmp(s, "0") != 0;
}

/* /tmp is shared: never follow a link somebody left there, never write to another's file. */
static int open_perf_map(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)pid);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    return fd;
}

static void perf_line(int fd, uintptr_t at, uint32_t size, const char *name, const char *suffix)
{
    char line[512];
    int n = snprintf(line, sizeof line - 1, "%lx %x pyston::%s%s", (unsigned long)at, size, name,
                     suffix);
    if (n < 0) {
        return;
    }
    n = BASE_MIN(n, (int)sizeof line - 2); /* a long name is cut, the line stays whole */
    for (int i = 0; i < n; i++) {
        if ((unsigned char)line[i] < ' ') {
            line[i] = '?'; /* co_name can be any text; a line break would forge a symbol */
        }
    }
    line[n] = '\n';
    ssize_t done = write(fd, line, (size_t)n + 1);
    (void)done; /* a full disk costs symbols, nothing else */
}

static void perf_blob(CodeBlob *b, void *ctx)
{
    const CodeCache *cc = ctx;
    perf_line(cc->perf_fd, b->hot, b->hot_size, b->name, "");
    if (b->cold) {
        perf_line(cc->perf_fd, b->cold, b->cold_size, b->name, " [cold]");
    }
}

int cc_enable_perf_map(CodeCache *cc)
{
    if (cc->perf_fd >= 0) {
        return 0;
    }
    cc->perf_pid = getpid();
    cc->perf_fd = open_perf_map(cc->perf_pid);
    if (cc->perf_fd < 0) {
        return -1;
    }
    cc_each(cc, perf_blob, cc);
    return 0;
}

void cc_after_fork_child(CodeCache *cc)
{
    if (cc->perf_fd < 0 || cc->perf_pid == getpid()) {
        return;
    }
    close(cc->perf_fd);
    cc->perf_fd = -1;
    cc_enable_perf_map(cc); /* without a file the child's code has no names, no more */
}

/* ---- unwind information -------------------------------------------------------------------- */

enum { DW_RBP = 6, DW_RSP = 7, DW_RA = 16 };

/* The DWARF number of a processor register: the manual and the ABI count the first eight
 * differently. */
static uint8_t dwarf_reg(uint8_t reg)
{
    static const uint8_t map[8] = {0, 2, 1, 3, 7, 6, 4, 5};
    return reg < 8 ? map[reg] : reg;
}

static uint8_t *put_uleb(uint8_t *p, uint32_t v)
{
    do {
        *p++ = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v);
    return p;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
    return p + 8;
}

/* Pads with DW_CFA_nop and fills in the length of the record that starts at `start`. */
static uint8_t *end_record(uint8_t *start, uint8_t *p)
{
    while ((p - start) % 8 != 4) {
        *p++ = 0;
    }
    *p++ = 0, *p++ = 0, *p++ = 0, *p++ = 0;
    put_u32(start, (uint32_t)(p - start) - 4);
    return p;
}

#define EH_FRAME_MAX 256u /* 2 records, 8 registers of at most 6 bytes, 2 ranges */

/* Writes a CIE, an FDE for each range, and the terminator; gives the size. */
static size_t build_eh_frame(const CodeCache *cc, const CcSegment *ranges, int nranges,
                             uint8_t *out)
{
    uint8_t *p = out;
    uint8_t *cie = p;
    p = put_u32(p, 0); /* length, later */
    p = put_u32(p, 0); /* this is a CIE */
    *p++ = 1;          /* version */
    *p++ = 'z', *p++ = 'R', *p++ = 0;
    *p++ = 1;    /* code alignment */
    *p++ = 0x78; /* data alignment: -8 */
    *p++ = DW_RA;
    *p++ = 1;                              /* augmentation data: one byte, */
    *p++ = 0x00;                           /* FDE pointers are absolute, 8 bytes */
    *p++ = 0x0c, *p++ = DW_RBP, *p++ = 16; /* DW_CFA_def_cfa: CFA = rbp + 16 */
    *p++ = 0x80 | DW_RA, *p++ = 1;         /* DW_CFA_offset: return address at CFA - 8 */
    *p++ = 0x80 | DW_RBP, *p++ = 2;        /* rbp at CFA - 16 */
    for (size_t i = 0; i < cc->nsaved; i++) {
        *p++ = 0x80 | dwarf_reg(cc->saved[i].reg);
        p = put_uleb(p, (uint32_t)(16 - cc->saved[i].rbp_offset) / 8);
    }
    p = end_record(cie, p);
    for (int i = 0; i < nranges; i++) {
        uint8_t *fde = p;
        p = put_u32(p, 0);
        p = put_u32(p, (uint32_t)(p - cie)); /* distance back to the CIE */
        p = put_u64(p, ranges[i].lo);
        p = put_u64(p, ranges[i].hi - ranges[i].lo);
        *p++ = 0; /* no augmentation data */
        p = end_record(fde, p);
    }
    p = put_u32(p, 0); /* terminator */
    BASE_CHECK((size_t)(p - out) <= EH_FRAME_MAX);
    return (size_t)(p - out);
}

/* libgcc's; in every process that can throw. Weak, because a C program may run without it. */
extern void __register_frame(void *) __attribute__((weak));
extern void __deregister_frame(void *) __attribute__((weak));

int cc_enable_unwind(CodeCache *cc, const CcSavedReg *saved, size_t nsaved)
{
    BASE_CHECK(nsaved <= BASE_COUNT(cc->saved) && cc->eh_frame == NULL);
    for (size_t i = 0; i < nsaved; i++) {
        BASE_CHECK(saved[i].rbp_offset < 0 && saved[i].rbp_offset % 8 == 0);
        cc->saved[i] = saved[i];
    }
    cc->nsaved = nsaved;
    uint8_t *frame = cc_meta_alloc(cc, EH_FRAME_MAX);
    if (frame == NULL) {
        return -1;
    }
    CcSegment all = {cc->lo, cc->hi};
    build_eh_frame(cc, &all, 1, frame);
    cc->eh_frame = frame;
    cc->eh_frame_size = EH_FRAME_MAX;
    if (__register_frame) {
        __register_frame(frame);
    }
    return 0;
}

/* ---- gdb ----------------------------------------------------------------------------------- */

/* The interface's names and layout are gdb's. */
enum { JIT_NOACTION, JIT_REGISTER, JIT_UNREGISTER };

struct jit_code_entry {
    struct jit_code_entry *next_entry;
    struct jit_code_entry *prev_entry;
    const char *symfile_addr;
    uint64_t symfile_size;
};

struct jit_descriptor {
    uint32_t version;
    uint32_t action_flag;
    struct jit_code_entry *relevant_entry;
    struct jit_code_entry *first_entry;
};

void __jit_debug_register_code(void);
extern struct jit_descriptor __jit_debug_descriptor;

__attribute__((visibility("default"))) struct jit_descriptor __jit_debug_descriptor = {
    1, JIT_NOACTION, NULL, NULL};

/* gdb puts a breakpoint here; the empty asm keeps calls to it from being merged or dropped. */
__attribute__((visibility("default"), noinline)) void __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory");
}

enum { SEC_NULL, SEC_TEXT, SEC_COLD, SEC_EH_FRAME, SEC_SYMTAB, SEC_STRTAB, SEC_SHSTRTAB, NSEC };

static const char section_names[] = "\0.text\0.text.cold\0.eh_frame\0.symtab\0.strtab\0.shstrtab";
static const uint8_t section_name_at[NSEC] = {0, 1, 7, 18, 28, 36, 44};

typedef struct GdbObject {
    struct jit_code_entry entry;
    size_t size; /* of this whole allocation */
    Elf64_Ehdr head;
    Elf64_Shdr sections[NSEC];
    Elf64_Sym symbols[3]; /* null, hot, cold */
    uint8_t eh_frame[EH_FRAME_MAX];
    char shstrtab[sizeof section_names];
    char strtab[]; /* NUL, name, NUL, name [cold], NUL */
} GdbObject;

#define COLD_SUFFIX " [cold]"

static void set_section(GdbObject *o, int i, uint32_t type, uint64_t flags, const void *data,
                        size_t size)
{
    Elf64_Shdr *s = &o->sections[i];
    s->sh_name = section_name_at[i];
    s->sh_type = type;
    s->sh_flags = flags;
    s->sh_offset = data ? (uint64_t)((const char *)data - (const char *)&o->head) : 0;
    s->sh_size = size;
    s->sh_addralign = type == SHT_STRTAB ? 1 : 8;
}

static void fill_object(const CodeCache *cc, GdbObject *o, const CodeBlob *b, size_t strtab_size)
{
    o->head = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_REL,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = offsetof(GdbObject, sections) - offsetof(GdbObject, head),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = NSEC,
        .e_shstrndx = SEC_SHSTRTAB,
    };
    /* The code is not in the object: sections without bits, at the address where it is. */
    set_section(o, SEC_TEXT, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, b->hot_size);
    o->sections[SEC_TEXT].sh_addr = b->hot;
    set_section(o, SEC_COLD, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, NULL, b->cold_size);
    o->sections[SEC_COLD].sh_addr = b->cold;

    CcSegment ranges[2] = {{b->hot, b->hot + b->hot_size}, {b->cold, b->cold + b->cold_size}};
    size_t eh_size = build_eh_frame(cc, ranges, b->cold ? 2 : 1, o->eh_frame);
    set_section(o, SEC_EH_FRAME, SHT_PROGBITS, SHF_ALLOC, o->eh_frame, eh_size);
    o->sections[SEC_EH_FRAME].sh_addr = (uintptr_t)o->eh_frame;

    size_t name = strlen(b->name);
    memcpy(o->strtab + 1, b->name, name);
    memcpy(o->strtab + 1 + name + 1, b->name, name);
    memcpy(o->strtab + 1 + name + 1 + name, COLD_SUFFIX, sizeof COLD_SUFFIX);
    set_section(o, SEC_STRTAB, SHT_STRTAB, 0, o->strtab, strtab_size);
    memcpy(o->shstrtab, section_names, sizeof section_names);
    set_section(o, SEC_SHSTRTAB, SHT_STRTAB, 0, o->shstrtab, sizeof section_names);

    unsigned info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    o->symbols[1] = (Elf64_Sym){
        .st_name = 1, .st_info = (unsigned char)info, .st_shndx = SEC_TEXT, .st_size = b->hot_size};
    o->symbols[2] = (Elf64_Sym){.st_name = (uint32_t)(1 + name + 1),
                                .st_info = (unsigned char)info,
                                .st_shndx = SEC_COLD,
                                .st_size = b->cold_size};
    set_section(o, SEC_SYMTAB, SHT_SYMTAB, 0, o->symbols, (b->cold ? 3 : 2) * sizeof(Elf64_Sym));
    o->sections[SEC_SYMTAB].sh_link = SEC_STRTAB;
    o->sections[SEC_SYMTAB].sh_info = 1; /* index of the first global symbol */
    o->sections[SEC_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
}

static void gdb_register(CodeCache *cc, CodeBlob *b)
{
    if (b->debug_) {
        return;
    }
    size_t strtab_size = 2 * (strlen(b->name) + 1) + sizeof COLD_SUFFIX;
    size_t size = sizeof(GdbObject) + strtab_size;
    GdbObject *o = cc_meta_alloc(cc, size);
    if (o == NULL) {
        return; /* no name in the debugger, no more */
    }
    o->size = size;
    fill_object(cc, o, b, strtab_size);
    o->entry.symfile_addr = (const char *)&o->head;
    o->entry.symfile_size = size - offsetof(GdbObject, head);
    o->entry.next_entry = __jit_debug_descriptor.first_entry;
    if (o->entry.next_entry) {
        o->entry.next_entry->prev_entry = &o->entry;
    }
    __jit_debug_descriptor.first_entry = &o->entry;
    __jit_debug_descriptor.relevant_entry = &o->entry;
    __jit_debug_descriptor.action_flag = JIT_REGISTER;
    __jit_debug_register_code();
    __jit_debug_descriptor.action_flag = JIT_NOACTION;
    b->debug_ = o;
}

static void gdb_register_blob(CodeBlob *b, void *ctx)
{
    gdb_register(ctx, b);
}

void cc_enable_gdb(CodeCache *cc)
{
    cc->gdb_on = true;
    cc_each(cc, gdb_register_blob, cc);
}

void cc_debug_forget(CodeCache *cc, CodeBlob *b)
{
    GdbObject *o = b->debug_;
    if (o == NULL) {
        return;
    }
    if (o->entry.prev_entry) {
        o->entry.prev_entry->next_entry = o->entry.next_entry;
    } else {
        __jit_debug_descriptor.first_entry = o->entry.next_entry;
    }
    if (o->entry.next_entry) {
        o->entry.next_entry->prev_entry = o->entry.prev_entry;
    }
    __jit_debug_descriptor.relevant_entry = &o->entry;
    __jit_debug_descriptor.action_flag = JIT_UNREGISTER;
    __jit_debug_register_code();
    __jit_debug_descriptor.action_flag = JIT_NOACTION;
    __jit_debug_descriptor.relevant_entry = NULL;
    b->debug_ = NULL;
    cc_meta_free(cc, o, o->size);
}

/* ---- all of them --------------------------------------------------------------------------- */

void cc_publish(CodeCache *cc, CodeBlob *b)
{
    if (cc->perf_fd >= 0) {
        if (cc->perf_pid != getpid()) {
            cc_after_fork_child(cc); /* writes every living blob, this one too */
        } else {
            perf_blob(b, cc);
        }
    }
    if (cc->gdb_on) {
        gdb_register(cc, b);
    }
}

void cc_debug_destroy(CodeCache *cc)
{
    if (cc->perf_fd >= 0) {
        close(cc->perf_fd);
        cc->perf_fd = -1;
    }
    if (cc->eh_frame) {
        if (__deregister_frame) {
            __deregister_frame(cc->eh_frame);
        }
        cc_meta_free(cc, cc->eh_frame, cc->eh_frame_size);
        cc->eh_frame = NULL;
    }
}
