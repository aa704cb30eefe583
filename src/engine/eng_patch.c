/* The way from tier 0 into compiled code: patches in the bytecode (py311_patch.h).
 *
 * While the hook is away tier 0 calls Python functions within its loop, and nobody is asked when a frame
 * starts; nor is anybody ever asked when a loop goes on.  Where compiled code can take over, the bytecode
 * is patched: behind the RESUME of a function that has a unit, and in a loop that has one.  A frame that
 * comes there calls enter(), which runs the unit in that very frame and gives its result, and tier 0
 * returns it.
 *
 * What tier 0 then still does for a frame that is through must not be seen twice:
 *
 * - Of an exception it would make a traceback entry and look for a handler, of a frame that others hold it
 *   would note where it ended.  So in these cases the frame is cleared here, as tier 0 would have,
 *   and leaves an empty one in its place, for an exception with code that has no handlers (leave_husk).
 * - A tracer would hear of the return twice.  It gets ours until that return is past (hush).
 *
 * A patch is lifted for who reads the bytecode and for frames that have to run what it covers, and put back
 * before enter() returns: tier 0 goes on at its third unit. */
#include "eng_internal.h"

#include <stdlib.h>

#include "py311_opcodes.h"
#include "py311_patch.h"

typedef struct EngPatch EngPatch;
struct EngPatch {
    EngPatch *next; /* of the same code */
    Py311Patch bytecode;
    int32_t depth; /* of the value stack there */
    bool entry;    /* behind the function's RESUME, else in a loop */
    bool planted;
};

static bool works; /* the slot is ours */
/* An empty code object: what a husk runs. */
static PyCodeObject *husk_code;

/* --- planting ----------------------------------------------------------------------------- */

static void plant(EngCodeState *s, EngPatch *p)
{
    if (!p->planted) {
        py311_patch_plant(&p->bytecode, s->code);
        p->planted = true;
    }
}

static void lift(EngCodeState *s, EngPatch *p)
{
    if (p->planted) {
        py311_patch_lift(&p->bytecode, s->code);
        p->planted = false;
    }
}

void eng_patches_lift(EngCodeState *s)
{
    for (EngPatch *p = s->patches; p != NULL; p = p->next) {
        lift(s, p);
    }
}

void eng_patches_plant(EngCodeState *s)
{
    for (EngPatch *p = s->patches; p != NULL; p = p->next) {
        plant(s, p);
    }
}

void eng_patches_free(EngCodeState *s)
{
    while (s->patches != NULL) {
        EngPatch *p = s->patches;
        s->patches = p->next;
        free(p);
    }
}

static EngPatch *find(const EngCodeState *s, int32_t bci)
{
    EngPatch *p = s->patches;
    while (p != NULL && p->bytecode.bci != bci) {
        p = p->next;
    }
    return p;
}

/* Adds a patch at `bci`, the others being lifted. NULL when there is one too near, or memory is out. */
static EngPatch *add(EngCodeState *s, int32_t bci, int depth, bool entry)
{
    for (EngPatch *other = s->patches; other != NULL; other = other->next) {
        if (abs(other->bytecode.bci - bci) <= PY311_PATCH_UNITS) {
            return NULL;
        }
    }
    /* Quickening rewrites the bytecode; loops that jump back on a condition never come to it in 3.11. */
    s->code->co_warmup = 0;
    /* What programs read as co_code is made from the bytecode once and kept. */
    PyObject *bytes = PyCode_GetCode(s->code);
    EngPatch *p = bytes != NULL ? calloc(1, sizeof *p) : NULL;
    Py_XDECREF(bytes);
    if (p == NULL) {
        PyErr_Clear();
        return NULL;
    }
    *p = (EngPatch){.next = s->patches, .depth = depth, .entry = entry};
    py311_patch_init(&p->bytecode, s->code, bci);
    s->patches = p;
    return p;
}

static bool patchable(PyCodeObject *co)
{
    return works && !(co->co_flags & PY311_CO_GENERATOR_LIKE);
}

/* The bci behind the first RESUME, before which only cells are made. */
static int32_t behind_resume(PyCodeObject *co)
{
    for (PY311_EACH_INS(co, ins)) {
        if (ins.op == PY311_RESUME) {
            return ins.next;
        }
        if (ins.op != PY311_COPY_FREE_VARS && ins.op != PY311_MAKE_CELL) {
            break;
        }
    }
    return -1;
}

void eng_patch_entry(EngCodeState *s)
{
    if (s->entry_patched || !patchable(s->code)) {
        return;
    }
    s->entry_patched = true; /* or never */
    eng_patches_lift(s);
    int depth;
    int32_t bci = behind_resume(s->code);
    /* Nowhere later, for what lies in between has been executed; and not in a loop, for its rounds do not start
     * anew. */
    if (bci >= 0 && py311_patch_place(s->code, bci, &depth) == bci &&
        !py311_is_jump_target(s->code, bci)) {
        add(s, bci, 0, true);
    }
    eng_patches_plant(s);
}

/* Is a frame of the code in the middle of what a patch at `bci` covers? */
static bool someone_inside(PyCodeObject *co, int32_t bci)
{
    PyThreadState *ts = PyInterpreterState_ThreadHead(eng_interp);
    for (; ts != NULL; ts = PyThreadState_Next(ts)) {
        struct _PyInterpreterFrame *frame = ts->cframe->current_frame;
        for (; frame != NULL; frame = py311_frame(frame)->previous) {
            Py311Frame *f = py311_frame(frame);
            int32_t next = f->f_code == co ? py311_frame_lasti(f) + 1 : bci;
            if (next > bci && next < bci + PY311_PATCH_UNITS) {
                return true;
            }
        }
    }
    return false;
}

bool eng_patch_loop(EngCodeState *s, int32_t bci, int depth)
{
    EngPatch *p = find(s, bci);
    if (p != NULL || !patchable(s->code) || someone_inside(s->code, bci)) {
        return p != NULL && !p->entry;
    }
    eng_patches_lift(s);
    p = add(s, bci, depth, false);
    eng_patches_plant(s);
    return p != NULL;
}

/* --- leaving no trace ----------------------------------------------------------------------- */

/* What a tracer of this thread was while it must not hear what tier 0 tells of a frame. Threads: in between
 * nothing gives up the GIL. */
static struct {
    Py_tracefunc trace, profile;
} hushed;

static int hush_trace(PyObject *Py_UNUSED(self), PyFrameObject *Py_UNUSED(frame), int what,
                      PyObject *Py_UNUSED(arg))
{
    if (what == PyTrace_RETURN) {
        PyThreadState_Get()->c_tracefunc = hushed.trace;
    }
    return 0;
}

static int hush_profile(PyObject *Py_UNUSED(self), PyFrameObject *Py_UNUSED(frame), int what,
                        PyObject *Py_UNUSED(arg))
{
    if (what == PyTrace_RETURN) {
        PyThreadState_Get()->c_profilefunc = hushed.profile;
    }
    return 0;
}

/* The return of the current frame, which tier 0 is about to tell tracers of, has been told. (Below a tracer tier 0
 * tells nobody of anything, also when a debugger has set use_tracing there from another thread.) */
static void hush(PyThreadState *ts)
{
    if (ts->tracing) {
        return;
    }
    if (ts->c_tracefunc != NULL) {
        hushed.trace = ts->c_tracefunc;
        ts->c_tracefunc = hush_trace;
    }
    if (ts->c_profilefunc != NULL) {
        hushed.profile = ts->c_profilefunc;
        ts->c_profilefunc = hush_profile;
    }
}

/* Clears the current frame, which is through, and makes an empty one of it that goes on with `code`; tier 0 will
 * drop what is in its first n words. (It may be a husk already, left by a patch that it came to later.) */
static void leave_husk(PyThreadState *ts, Py311Frame *f, int n, PyCodeObject *code)
{
    PyObject *type, *value, *tb;
    PyErr_Fetch(&type, &value, &tb); /* clearing runs destructors */
    ts->recursion_remaining--;
    py311_frame_clear(f);
    ts->recursion_remaining++;
    PyErr_Restore(type, value, tb);
    for (int i = 0; i < n; i++) {
        f->localsplus[i] = NULL;
    }
    f->f_func = (PyFunctionObject *)Py_NewRef(Py_None); /* only ever released */
    f->f_code = (PyCodeObject *)Py_NewRef((PyObject *)code);
    f->f_locals = NULL;
    f->frame_obj = NULL;
    f->prev_instr = py311_code_units(code) - 1; /* not started: no traceback entry */
    f->stacktop = -1;
}

/* --- entering --------------------------------------------------------------------------------- */

/* Takes back what the bytecode before RESUME did: the unit does it again. */
static void undo_prologue(Py311Frame *f)
{
    PyCodeObject *co = f->f_code;
    for (PY311_EACH_INS(co, ins)) {
        if (ins.op == PY311_COPY_FREE_VARS) {
            for (int i = co->co_nlocalsplus - (int)ins.arg; i < co->co_nlocalsplus; i++) {
                Py_CLEAR(f->localsplus[i]);
            }
        } else if (ins.op == PY311_MAKE_CELL) {
            PyObject *cell = f->localsplus[ins.arg];
            f->localsplus[ins.arg] = Py_XNewRef(PyCell_GET(cell));
            Py_DECREF(cell);
        } else {
            break;
        }
    }
    f->prev_instr = py311_code_units(co) - 1;
}

/* What tier 0 told a tracer of at the patch before it came to enter(): a line, and perhaps opcodes. It is not
 * told again when the frame starts anew there. */
static struct {
    Py_tracefunc trace;
    int32_t bci;
    bool line, opcode[2];
} told;

static int tell(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    PyThreadState *ts = PyThreadState_Get();
    int32_t at = py311_frame_lasti(py311_frame(ts->cframe->current_frame)) - told.bci;
    bool *skip = what == PyTrace_LINE && at == 0                  ? &told.line
                 : what == PyTrace_OPCODE && (at == 0 || at == 1) ? &told.opcode[at]
                                                                  : NULL;
    if (skip != NULL && *skip) {
        *skip = false;
        return 0;
    }
    ts->c_tracefunc = told.trace;
    return told.trace(self, frame, what, arg);
}

/* Before a traced frame starts at the patch. */
static void tell_no_more(PyThreadState *ts, Py311Frame *f, const EngPatch *p)
{
    int size = (int)sizeof(uint16_t);
    if (ts->c_tracefunc != NULL && !ts->tracing) {
        bool line = p->entry || PyCode_Addr2Line(f->f_code, p->bytecode.bci * size) !=
                                    PyCode_Addr2Line(f->f_code, (p->bytecode.bci - 1) * size);
        told.trace = ts->c_tracefunc;
        told.bci = p->bytecode.bci;
        told.line = line;
        told.opcode[0] = told.opcode[1] = true;
        ts->c_tracefunc = tell;
    }
}

/* Runs the current frame from the patch on in tier 0. */
static PyObject *run_unpatched(PyThreadState *ts, Py311Frame *f, EngCodeState *s, EngPatch *p)
{
    lift(s, p);
    f->prev_instr = py311_code_units(f->f_code) + p->bytecode.bci - 1;
    if (BASE_UNLIKELY(ts->cframe->use_tracing)) {
        tell_no_more(ts, f, p);
    }
    PyObject *result = rt_run_tier0(ts, f, p->depth);
    if (ts->c_tracefunc == tell) { /* nothing happened */
        ts->c_tracefunc = told.trace;
    }
    return result;
}

/* The unit that goes on at the patch, compiled anew if it was thrown away; or NULL. */
static CodeUnit *unit_at(EngCodeState *s, Py311Frame *f, EngPatch *p)
{
    CodeUnit *unit = p->entry ? s->unit : eng_find_unit(s, p->bytecode.bci);
    if (unit != NULL || s->tier == ENG_REFUSED || s->osr_refused >= ENG_OSR_REFUSED) {
        return unit;
    }
    if (p->entry) {
        return eng_compile(s, f, 0, 0, 0, ENG_SOON);
    }
    return eng_compile(s, f, p->bytecode.bci, p->depth, p->depth, ENG_NOW);
}

/* Runs the current frame to its end from the patch on. */
static PyObject *run(PyThreadState *ts, Py311Frame *f, EngCodeState *s, EngPatch *p)
{
    CodeUnit *unit = NULL;
    bool is_entry = f->is_entry;
    PyObject *result;
    eng_counts.osr_entries += !p->entry;
    if (!ts->cframe->use_tracing && eng_active(ts) && !(eng_osr_stays && !p->entry)) {
        unit = unit_at(s, f, p);
    }
    if (unit == NULL) {
        result = run_unpatched(ts, f, s, p);
    } else {
        if (p->entry) {
            undo_prologue(f);
        } else {
            f->prev_instr = py311_code_units(f->f_code) + p->bytecode.bci - 1;
            /* The next call starts in compiled code, without waiting for more calls. */
            if (s->unit == NULL && s->calls < eng_settings.threshold) {
                s->calls = eng_settings.threshold - 1;
            }
        }
        f->mark = PY311_MARK_COMPILED;
        f->stacktop = -1;
        result = eng_enter(ts, (struct _PyInterpreterFrame *)(void *)f, unit->entry);
    }
    f->mark = PY311_MARK_NONE;
    f->is_entry = is_entry;
    return result;
}

/* nb_positive of `type`, while the frame that is at a patch is the current one; for others the answer that
 * `+SomeClass` has without us. */
static PyObject *enter(PyObject *operand)
{
    PyThreadState *ts = _PyThreadState_UncheckedGet();
    struct _PyInterpreterFrame *frame = ts->cframe->current_frame;
    Py311Frame *f = frame != NULL ? py311_frame(frame) : NULL;
    EngCodeState *s =
        f != NULL && operand == PyExc_AssertionError ? eng_code_state(f->f_code) : NULL;
    EngPatch *p = s != NULL ? find(s, py311_frame_lasti(f) - 1) : NULL;
    if (BASE_UNLIKELY(p == NULL) || BASE_UNLIKELY(!p->planted)) {
        return PyErr_Format(PyExc_TypeError, "bad operand type for unary +: '%.200s'",
                            Py_TYPE(operand)->tp_name);
    }
    PyCodeObject *co = f->f_code;
    int depth = p->depth;
    Py_INCREF(co);
    if (BASE_UNLIKELY(eng_settings.stress_patch)) {
        eng_sample(ts->interp);
    }
    PyObject *result = run(ts, f, s, p);
    if (BASE_UNLIKELY(ts->cframe->use_tracing)) {
        hush(ts);
    }
    if (result == NULL || BASE_UNLIKELY(f->frame_obj != NULL)) {
        f->stacktop = f->stacktop >= 0 ? f->stacktop : co->co_nlocalsplus;
        leave_husk(ts, f, co->co_nlocalsplus + depth, result == NULL ? husk_code : co);
    } else {
        for (int i = 0; i < depth; i++) {
            f->localsplus[co->co_nlocalsplus + i] = NULL;
        }
        f->stacktop = -1;
    }
    plant(s, p);
    Py_DECREF(co);
    return result;
}

bool eng_patches_resume(EngCodeState *s, int32_t bci)
{
    for (EngPatch *p = s->patches; p != NULL; p = p->next) {
        if (p->planted && bci >= p->bytecode.bci && bci < p->bytecode.bci + PY311_PATCH_UNITS) {
            lift(s, p);
            return true;
        }
    }
    return false;
}

/* --- who reads the bytecode ------------------------------------------------------------------------ */

static richcmpfunc compare_code;
static getter adaptive_code;

static void lift_all_of(PyObject *code)
{
    EngCodeState *s = PyCode_Check(code) ? eng_code_state((PyCodeObject *)code) : NULL;
    if (s != NULL) {
        eng_patches_lift(s);
    }
}

static void plant_all_of(PyObject *code)
{
    EngCodeState *s = PyCode_Check(code) ? eng_code_state((PyCodeObject *)code) : NULL;
    if (s != NULL) {
        eng_patches_plant(s);
    }
}

/* tp_richcompare of code objects. */
static PyObject *compare_unpatched(PyObject *a, PyObject *b, int op)
{
    lift_all_of(a);
    lift_all_of(b);
    PyObject *result = compare_code(a, b, op);
    plant_all_of(a);
    plant_all_of(b);
    return result;
}

/* _co_code_adaptive. */
static PyObject *get_unpatched(PyObject *code, void *closure)
{
    lift_all_of(code);
    PyObject *result = adaptive_code(code, closure);
    plant_all_of(code);
    return result;
}

/* --- on and off --------------------------------------------------------------------------------- */

bool eng_patch_start(void)
{
    unaryfunc *slot = py311_patch_slot();
    if (works) {
        return true;
    }
    getter *get = py311_patch_adaptive_getter();
    if (*slot != NULL || get == NULL) {
        return false;
    }
    /* With a RESUME, for which tracing looks. */
    husk_code = (PyCodeObject *)Py_CompileString("", "<pyston>", Py_file_input);
    if (husk_code == NULL) {
        PyErr_Clear();
        return false;
    }
    *slot = enter;
    compare_code = PyCode_Type.tp_richcompare;
    PyCode_Type.tp_richcompare = compare_unpatched;
    adaptive_code = *get;
    *get = get_unpatched;
    works = true;
    return true;
}
