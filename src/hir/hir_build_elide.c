/* Builder, exceptions that are caught at once and that nobody can see: `try: v = d[k]`, `except KeyError: v = None`.
 *
 * What raises there is `caught`: it gives NULL with the exception set, as C code raised it.  On that way ElideExc clears the exception, if
 * the handler is for it and no code can run before POP_EXCEPT that would look at it (py311_elide.h); if there may be some, it raises it as
 * usual, through its exit.  So there is no traceback, hence no frame object, and no exit from the unit: the handler's few
 * instructions are built here, and then the bytecode goes on behind them.
 *
 * Nothing there may leave for tier 0, which would have to find an exception being handled. */
#include "hir_build_priv.h"

#include "py311_opcodes.h"
#include "rt.h"

bool hb_may_elide(const Builder *b, const FbIns *in, Py311Elidable *e)
{
    const uint8_t *caught = b->caller ? NULL : b->opts->caught;
    return caught && caught[in->bci >> 3] & (1u << (in->bci & 7)) &&
           py311_find_elidable(b->co, in->bci, e);
}

bool hir_can_be_caught(HirOp op)
{
    switch (op) {
    case HIR_Subscr:
    case HIR_DictSubscr:
    case HIR_LoadAttr:
    case HIR_CallBuiltinO:
    case HIR_CallBuiltinFast:
    case HIR_CallDescrNoArgs:
    case HIR_CallDescrO:
    case HIR_CallDescrFast:
    case HIR_CallMethodO:
    case HIR_BinaryOp:
    case HIR_CallVector: return true;
    default: return false;
    }
}

/* Whether the handler's loads find their locals, so that none has to leave. */
static bool loads_succeed(const Builder *b, const FbIns *first, int32_t behind)
{
    for (const FbIns *in = first; in->start < behind; in++) {
        if (in->op != PY311_LOAD_FAST) {
            continue;
        }
        bool bound = !(b->st.locals[in->arg]->type & HIR_T_NULL);
        for (const FbIns *p = first; p < in && !bound; p++) {
            bound = p->op == PY311_STORE_FAST && p->arg == in->arg;
        }
        if (!bound) {
            return false;
        }
    }
    return true;
}

/* ElideExc, with all that is dropped before POP_EXCEPT: entries of the stack, and what is in locals that are assigned. */
static bool elide_exc(Builder *b, const Py311Elidable *e, const FbIns *first)
{
    HirIns **dropped =
        arena_array(b->a, HirIns *, (size_t)b->st.nstack + (size_t)(e->behind - e->body) + 1);
    int n = 0;
    for (int k = e->handler.depth; k < b->st.nstack; k++) {
        const Entry *en = &b->st.stack[k];
        if (en->owned && !hir_type_leaf(en->v->type)) {
            dropped[n++] = en->v;
        }
    }
    for (const FbIns *in = first; in->start < e->behind; in++) {
        if (in->op == PY311_STORE_FAST && !hir_type_leaf(b->st.locals[in->arg]->type)) {
            dropped[n++] = b->st.locals[in->arg];
        }
    }
    if (b->f->max_out < (uint32_t)n) {
        b->f->max_out = (uint32_t)n;
    }
    HirIns *i = hb_emit(b, HIR_ElideExc, n, dropped);
    if (b->unit) {
        PyObject *names[PY311_ELIDE_CLASSES];
        for (int k = 0; k < e->nnames; k++) {
            names[k] = PyTuple_GET_ITEM(b->co->co_names, e->names[k]);
        }
        i->imm.p = rt_elide_new(b->unit, names, e->nnames);
    }
    return !b->unit || i->imm.p;
}

/* The handler from behind its match on, with the stack as it was when the exception came. */
static void build_handler(Builder *b, const Py311Elidable *e, const FbIns *first)
{
    hb_pop_drop(b, b->st.nstack - e->handler.depth);
    hb_push(b, hb_null(b), false); /* the exception handled before */
    for (b->in = first; b->in->op != PY311_POP_EXCEPT; b->in++) {
        b->resume = b->in->start;
        hb_instruction(b);
    }
    (void)hb_pop(b);
    hb_goto(b, e->behind);
}

HirIns *hb_elide(Builder *b, HirIns *r)
{
    Py311Elidable e;
    if (!hir_can_be_caught((HirOp)r->op) || !hb_may_elide(b, b->in, &e)) {
        return r;
    }
    const FbIns *first = &b->code.ins[b->code.at[e.body]];
    const BBlock *behind = hb_block_at(b, b->code.at[e.behind]);
    bool leads = false;
    for (int k = 0; k < b->bb->nsucc; k++) {
        leads = leads || (behind && b->bb->succ[k] == behind);
    }
    if (!leads || e.handler.depth > b->st.nstack || !loads_succeed(b, first, e.behind)) {
        return r;
    }
    r->op = r->op == HIR_LoadAttr ? HIR_FindAttr : r->op == HIR_DictSubscr ? HIR_FindKey : r->op;
    r->caught = true;
    r->type |= HIR_T_NULL;
    HirIns *gone = hb_emit1(b, HIR_IsNull, r);
    HirBlock *raised, *done;
    hb_branch(b, gone, &raised, &done);
    State saved = hb_state_copy(b, &b->st);
    const FbIns *in = b->in;
    int32_t resume = b->resume;
    b->cur = raised;
    if (elide_exc(b, &e, first)) {
        build_handler(b, &e, first);
    } else {
        hb_stop(b, "out of memory");
    }
    b->in = in;
    b->resume = resume;
    b->st = saved;
    b->locals_snap = NULL;
    b->fs_cache = NULL;
    b->cur = done;
    HirIns *v = hb_emit1(b, HIR_Refine, r);
    v->aux = v->type = r->type & HIR_T_ANY;
    return v;
}
