/* The C stack: where it ends, and going on elsewhere.
 *
 * CPython 3.11 runs Python-to-Python calls without using the C stack, so that programs may raise
 * sys.setrecursionlimit() far beyond what 8 MiB of C stack allow.  With a hook of PEP 523, and in
 * compiled code, each call does use it.  Before it ends, a call is therefore run on a segment of
 * fresh memory, and the recursion goes on there; segments nest as deep as memory allows.
 *
 * A thread's bounds are asked for once.  What is left below eng_stack_low is for C functions that
 * Python calls; they are as safe as on any other stack of a few hundred KiB.  Unwinders pass the
 * switch like any frame with a frame pointer.  Only programs that copy C stacks (greenlets) must
 * not switch while a segment is in use. */
#include "eng_internal.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base_stack.h"

/* Segments in use, over all threads. GIL held. */
static long nlive;

__thread uintptr_t eng_stack_low __attribute__((tls_model("initial-exec"))) = UINTPTR_MAX;

/* eng_stack_switch(fn, arg, top): fn(arg) with the stack pointer at top (16-byte aligned). */
void eng_stack_switch(void (*fn)(void *arg), void *arg, void *top);
__asm__(".pushsection .text\n"
        ".p2align 4\n"
        ".globl eng_stack_switch\n"
        ".hidden eng_stack_switch\n"
        ".type eng_stack_switch, @function\n"
        "eng_stack_switch:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    push %rbp\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset %rbp, -16\n"
        "    mov %rsp, %rbp\n"
        "    .cfi_def_cfa_register %rbp\n"
        "    mov %rdx, %rsp\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    call *%rax\n"
        "    leave\n"
        "    .cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        "    .size eng_stack_switch, . - eng_stack_switch\n"
        ".popsection\n");

static uintptr_t reserve_of(size_t size)
{
    size_t reserve = size / 4;
    return BASE_MAX(BASE_MIN(reserve, ENG_STACK_RESERVE), ENG_STACK_RESERVE_LEAST);
}

/* The bound of the main thread as the kernel made its stack; 0 when that cannot be told. */
static uintptr_t kernels_bound(uintptr_t here)
{
    uintptr_t end = base_stack_end((uintptr_t)sysconf(_SC_PAGESIZE));
    struct rlimit limit;
    if (end == 0 || getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur > ENG_STACK_GAP ||
        here >= end || end - here >= limit.rlim_cur) {
        return 0;
    }
    return end - limit.rlim_cur + reserve_of(limit.rlim_cur);
}

/* The bound of this thread, as eng_stack_low should have it. */
static uintptr_t learn_bound(uintptr_t here)
{
    uintptr_t low = getpid() == gettid() ? kernels_bound(here) : 0;
    if (low != 0) {
        return low;
    }
    pthread_attr_t attr;
    void *base = NULL;
    size_t size = 0, guard = 0;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        if (pthread_attr_getstack(&attr, &base, &size) != 0 ||
            pthread_attr_getguardsize(&attr, &guard) != 0) {
            size = 0;
        }
        pthread_attr_destroy(&attr);
    }
    low = (uintptr_t)base;
    if (size > guard && here >= low && here - low < size) {
        return low + guard + reserve_of(size - guard);
    }
    return 0; /* Not on the stack the system knows: another library's. It is not ours to bound. */
}

/* The bound while eng_stack_low is kept out of reach, or UINTPTR_MAX. */
static __thread uintptr_t bound __attribute__((tls_model("initial-exec"))) = UINTPTR_MAX;

bool eng_stack_really_low(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (eng_stack_low != UINTPTR_MAX) {
        return here < eng_stack_low;
    }
    if (bound == UINTPTR_MAX) {
        bound = learn_bound(here);
    }
    if (!eng_ticker_pending) {
        eng_stack_low = bound;
    }
    return here < bound;
}

void eng_stack_extended(void *low)
{
    bound = (uintptr_t)low + ENG_STACK_RESERVE;
    eng_stack_low = bound;
}

void eng_stack_attend(void)
{
    if (eng_stack_low != UINTPTR_MAX) {
        bound = eng_stack_low;
        eng_stack_low = UINTPTR_MAX;
    }
}

/* Endless recursion with no limit set ends in a MemoryError, not with the system out of memory. */
static bool segments_exhausted(void)
{
    static long most;
    if (most == 0) {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        most = pages > 0 && page > 0 ? pages / ((long)ENG_STACK_SEGMENT / page) / 2 : 1;
    }
    return nlive >= most;
}

/* Free segments, each with the next one's address in its first word. GIL held. */
static void *kept;
static int nkept;

static void *segment_take(void)
{
    if (kept != NULL) {
        void *s = kept;
        kept = *(void **)((char *)s + ENG_STACK_SEGMENT - sizeof(void *));
        nkept--;
        return s;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *s = mmap(NULL, ENG_STACK_SEGMENT, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (s == MAP_FAILED) {
        return NULL;
    }
    if (mprotect(s, page, PROT_NONE) != 0) { /* the guard page */
        munmap(s, ENG_STACK_SEGMENT);
        return NULL;
    }
    return s;
}

static void segment_give(void *s)
{
    if (nkept >= ENG_STACK_KEPT) {
        munmap(s, ENG_STACK_SEGMENT);
        return;
    }
    *(void **)((char *)s + ENG_STACK_SEGMENT - sizeof(void *)) = kept;
    kept = s;
    nkept++;
}

int eng_stack_run(void (*fn)(void *arg), void *arg)
{
    char *segment = segments_exhausted() ? NULL : segment_take();
    if (segment == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    uintptr_t old_low = eng_stack_low;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    eng_stack_low = (uintptr_t)segment + page + reserve_of(ENG_STACK_SEGMENT - page);
    eng_counts.stack_segments++;
    nlive++;
    eng_stack_switch(fn, arg, segment + ENG_STACK_SEGMENT - 64);
    nlive--;
    eng_stack_low = old_low;
    segment_give(segment);
    return 0;
}
