/* Builder, iteration: GET_ITER and FOR_ITER.
 *
 * Iterators of ranges, lists and tuples are a question (More) and an answer (Next), in line.  enumerate() and zip() of lists and
 * tuples are made of those: `for i, x in enumerate(v)` needs no tuple, for nobody sees it, and its index can stay a machine
 * integer.
 *
 * What that must not change is when objects die.  In CPython such an iterator has one tuple that it uses again and again, so
 * that what it has given lives until the next round at least.  A loop that unpacks into locals keeps it for as long by these,
 * if nothing else in the loop assigns them; others, and generators, whose locals go first, have the tuple. */
#include "hir_build_priv.h"

#include "py311_opcodes.h"
#include "rt.h"

/* --- iterators that give tuples ------------------------------------------------------------- */

/* An enumerate or zip object that has nothing in its tuple, as an HIR value, and the iterators in it. */
typedef struct HbPairs {
    struct HbPairs *next;
    HirIns *it;
    const FbIns *loop; /* over it */
    int shape;         /* rt_pairs_shape */
    HirIns *part[RT_PAIRS_PARTS];
} HbPairs;

static const HbPairs *find_pairs(const Builder *b, HirIns *it)
{
    const HbPairs *p = b->pairs;
    while (p && hir_root(p->it) != hir_root(it)) {
        p = p->next;
    }
    return p;
}

/* What a round of such a loop unpacks. */
static int unpacked_by(int shape)
{
    return RT_PAIRS_COUNT(shape) + (shape & RT_PAIRS_INDEX);
}

/* The instruction that starts there, or NULL. */
static const FbIns *instruction_at(const Builder *b, int32_t bci)
{
    int32_t i = hb_instruction_at(b, bci);
    return i >= 0 ? &b->code.ins[i] : NULL;
}

/* Does a handler of what the loop's body raises lie outside of it, and go on with the loop? */
static bool handled_outside(const Builder *b, const FbIns *loop)
{
    for (const FbIns *in = loop + 1; in->start < loop->target; in++) {
        Py311Handler h;
        if (py311_find_handler(b->co, in->bci, &h) && h.depth >= b->depth[loop->start] &&
            (h.target <= loop->start || h.target >= loop->target)) {
            return true;
        }
    }
    return false;
}

/* Is what this FOR_ITER gives unpacked into locals, `n` of them, that nothing else in the loop assigns? */
static bool unpacks_into_locals(const Builder *b, const FbIns *loop, int n)
{
    const FbIns *unpack = loop + 1, *end = instruction_at(b, loop->target);
    if (b->caller || b->co->co_flags & PY311_CO_GENERATOR_LIKE || !end || end - unpack < n + 1 ||
        unpack->op != PY311_UNPACK_SEQUENCE || unpack->arg != n) {
        return false;
    }
    for (int k = 1; k <= n; k++) {
        if (unpack[k].op != PY311_STORE_FAST) {
            return false;
        }
        for (const FbIns *in = unpack + 1; in < end; in++) {
            bool assigns = in->op == PY311_STORE_FAST || in->op == PY311_DELETE_FAST;
            if (assigns && in != &unpack[k] && in->arg == unpack[k].arg) {
                return false;
            }
        }
    }
    return !handled_outside(b, loop);
}

static void load_parts(Builder *b, HirIns *it, int shape, HirIns **part)
{
    HirIns *parts = hb_emit1(b, HIR_IterPart, it);
    parts->aux = PY311_OFF_ITER_PARTS;
    if (shape & RT_PAIRS_INDEX) {
        part[0] = parts;
        return;
    }
    parts->type = HIR_T_TUPLE;
    for (int k = 0; k < RT_PAIRS_COUNT(shape); k++) {
        part[k] = hb_emit1(b, HIR_TupleItemAt, parts);
        part[k]->aux = (uint32_t)k;
    }
}

static HirType part_type(int shape, int k)
{
    return RT_PAIRS_TUPLE(shape, k) ? HIR_T_TUPLE_ITER : HIR_T_LIST_ITER;
}

static void add_pairs(Builder *b, HirIns *it, const FbIns *loop, int shape)
{
    HbPairs *p = arena_new(b->a, HbPairs);
    *p = (HbPairs){.next = b->pairs, .it = it, .loop = loop, .shape = shape};
    load_parts(b, it, shape, p->part);
    for (int k = 0; k < RT_PAIRS_COUNT(shape); k++) {
        p->part[k]->type = part_type(shape, k);
    }
    b->pairs = p;
}

/* The type that argument `k` of the call has, or was seen to have. */
static HirType argument_type(Builder *b, const Call *c, int k)
{
    if (c->nargs - k <= 2) {
        return hb_seen_type(b, c->nargs - k);
    }
    HirIns *v = call_arg(b, c, k)->v;
    PyObject *seen = hb_observed(b, v);
    return seen ? hir_type_of_object(seen) & v->type : v->type;
}

bool hb_call_pairs(Builder *b, const Call *c, PyTypeObject *type)
{
    bool index = type == &PyEnum_Type;
    const FbIns *get = b->in + 1, *loop = b->in + 2;
    int n = c->nargs;
    if ((index ? n != 1 : n < 2 || n > RT_PAIRS_PARTS) || !hb_same_block(b, 1) ||
        get->op != PY311_GET_ITER || loop >= b->code.ins + b->code.n ||
        loop->op != PY311_FOR_ITER || !unpacks_into_locals(b, loop, n + index) ||
        !hb_speculate(b)) {
        return false;
    }
    int shape = (index ? RT_PAIRS_INDEX : 0) | RT_PAIRS_OF(n);
    for (int k = 0; k < n; k++) {
        HirType t = argument_type(b, c, k);
        if ((t != HIR_T_LIST && t != HIR_T_TUPLE) || !(call_arg(b, c, k)->v->type & t)) {
            hb_note_types(b, index ? 0 : HB_SEQUENCES, HB_SEQUENCES);
            return false;
        }
        shape |= t == HIR_T_TUPLE ? RT_PAIRS_TUPLE_AT(k) : 0;
    }
    for (int k = 0; k < n; k++) {
        hb_guard_type(b, call_arg(b, c, k)->v, RT_PAIRS_TUPLE(shape, k) ? HIR_T_TUPLE : HIR_T_LIST);
    }
    HirIns *it = hb_emit_var(b, HIR_PairIter, n);
    it->imm.p = type;
    hb_finish_call(b, c, it, true);
    hb_check_eval(b, b->in->next);
    add_pairs(b, it, loop, shape);
    return true;
}

/* The iterator of the innermost loop that the unit begins in, and that loop; NULL: none. */
static HirIns *iterator_at_entry(Builder *b, const FbIns **loop)
{
    const FbIns *in = b->code.ins, *end = in + b->code.n;
    if (b->f->entry_bci != 0) {
        for (*loop = NULL; in < end && in->start <= b->f->entry_bci; in++) {
            if (in->op == PY311_FOR_ITER && in->target > b->f->entry_bci) {
                *loop = in;
            }
        }
        int at = *loop ? b->depth[(*loop)->start] - 1 : -1;
        return at >= 0 && at < b->st.nstack ? b->st.stack[at].v : NULL;
    }
    /* A comprehension iterates over its one argument, which has no name that code could use. */
    PyObject *name =
        b->co->co_argcount == 1 ? PyTuple_GET_ITEM(b->co->co_localsplusnames, 0) : NULL;
    if (!name || PyUnicode_CompareWithASCIIString(name, ".0") != 0) {
        return NULL;
    }
    while (in < end && in->op != PY311_FOR_ITER) {
        in++;
    }
    *loop = in;
    return in < end ? b->st.locals[0] : NULL;
}

void hb_enter_pairs(Builder *b)
{
    const FbIns *loop = NULL;
    HirIns *it = iterator_at_entry(b, &loop);
    PyObject *seen = it ? hb_observed(b, it) : NULL;
    int shape = seen ? rt_pairs_shape(seen) : -1;
    if (shape < 0 || !unpacks_into_locals(b, loop, unpacked_by(shape)) || !hb_speculate(b)) {
        return;
    }
    it = hb_not_null(b, it);
    hb_emit1(b, HIR_PairsReady, it)->aux = (uint32_t)shape;
    add_pairs(b, it, loop, shape);
}

/* Ends this way through the loop: its iterator is dropped, and the `n` items that this round has already. */
static void exhausted(Builder *b, HirBlock *done, HirIns *const *items, int n)
{
    State saved = b->st;
    HirBlock *cur = b->cur;
    b->st.stack = arena_array(b->a, Entry, hb_stack_size(b->co));
    memcpy(b->st.stack, saved.stack, sizeof(Entry) * (size_t)saved.nstack);
    b->cur = done;
    b->fs_cache = NULL;
    hb_pop_drop(b, 1);
    for (int k = 0; k < n; k++) {
        hb_emit1(b, HIR_Decref, items[k]); /* as zip_dealloc, which drops its tuple last */
    }
    hb_goto(b, b->in->target);
    b->st = saved;
    b->cur = cur;
    b->fs_cache = NULL;
}

/* The block of the loop's body, if only this FOR_ITER leads to it. */
static BBlock *body_of(const Builder *b)
{
    int32_t next = hb_instruction_at(b, b->in->next);
    BBlock *body = next >= 0 ? hb_block_at(b, next) : NULL;
    return body && body->npreds == 1 && !body->hb ? body : NULL;
}

/* The iterators in `it`, which this loop is over; gives their shape, or -1: it is not known to be such an object. Loops of
 * b->pairs unpack what these give into locals. */
static int parts_of(Builder *b, HirIns *it, HirIns **part)
{
    const HbPairs *p = find_pairs(b, it);
    if (p && p->loop == b->in) {
        memcpy(part, p->part, sizeof p->part);
        return p->shape;
    }
    /* One of those that this loop was seen to be over, perhaps: the loop is in another one. */
    for (p = b->pairs; p && p->loop != b->in;) {
        p = p->next;
    }
    if (!p || !hb_speculate(b)) {
        return -1;
    }
    it = hb_guard(b, HIR_GuardPairs, hb_not_null(b, it), (uint32_t)p->shape, NULL);
    load_parts(b, it, p->shape, part);
    for (int k = 0; k < RT_PAIRS_COUNT(p->shape); k++) {
        part[k] = hb_guard_type(b, part[k], part_type(p->shape, k));
    }
    return p->shape;
}

/* A round of enumerate or zip: the items go where UNPACK_SEQUENCE would put them. */
static bool next_pair(Builder *b, HirIns *it)
{
    BBlock *body = b->pairs ? body_of(b) : NULL;
    HirIns *part[RT_PAIRS_PARTS] = {NULL}, *items[RT_PAIRS_PARTS];
    int shape = body ? parts_of(b, it, part) : -1;
    if (shape < 0) {
        return false;
    }
    int n = RT_PAIRS_COUNT(shape);
    for (int k = 0; k < n; k++) {
        bool list = part[k]->type == HIR_T_LIST_ITER;
        HirIns *is_more = hb_emit1(b, list ? HIR_ListIterMore : HIR_TupleIterMore, part[k]);
        HirBlock *more, *done;
        hb_branch(b, is_more, &more, &done);
        b->cur = more;
        exhausted(b, done, items, k);
        items[k] = hb_emit1(b, list ? HIR_ListIterNext : HIR_TupleIterNext, part[k]);
        hb_emit1(b, HIR_Incref, items[k]);
    }
    HirIns *index = NULL;
    if (shape & RT_PAIRS_INDEX) {
        index = hb_emit1(b, HIR_BoxInt, hb_emit1(b, HIR_EnumNext, hb_peek(b, 1)->v));
    }
    for (int k = n - 1; k >= 0; k--) {
        hb_push(b, items[k], true);
    }
    if (index) {
        hb_push(b, index, true);
    }
    body->unpacked = true;
    return true;
}

/* --- GET_ITER, FOR_ITER ----------------------------------------------------------------------- */

void hb_get_iter(Builder *b)
{
    HirIns *v = hb_peek(b, 1)->v;
    HirType t = hb_seen_type(b, 1);
    if (v->type == HIR_T_RANGE_ITER || find_pairs(b, v)) {
        return; /* an iterator is its own; see call_range and hb_call_pairs */
    }
    if ((t == HIR_T_LIST || t == HIR_T_TUPLE) && (v->type & t) && hb_speculate(b)) {
        v = hb_guard_type(b, v, t); /* its iterator is known then: no call an item */
    } else if (t != HIR_T_RANGE) {
        hb_note_types(b, 0, HB_SEQUENCES | HIR_T_RANGE);
    }
    HirIns *it = hb_emit1(b, HIR_GetIter, v);
    if (v->type == HIR_T_LIST) {
        it->type = HIR_T_LIST_ITER;
    } else if (v->type == HIR_T_TUPLE) {
        it->type = HIR_T_TUPLE_ITER;
    }
    hb_replace_operands(b, 1, it, true);
    if (t == HIR_T_RANGE && hb_speculate(b)) {
        /* Not implied by the type: a range over huge ints has another iterator. */
        int32_t saved = b->resume;
        b->resume = b->in->next;
        hb_guard_type(b, it, HIR_T_RANGE_ITER);
        b->resume = saved;
    }
}

void hb_for_iter(Builder *b)
{
    HirIns *it = hb_peek(b, 1)->v;
    HirType t = hb_seen_type(b, 1);
    bool known = t == HIR_T_RANGE_ITER || t == HIR_T_LIST_ITER || t == HIR_T_TUPLE_ITER;
    HirIns *next = NULL, *more;
    if (next_pair(b, it)) {
        return;
    }
    if (known && it->type != t) {
        if (hb_speculate(b)) {
            it = hb_guard_type(b, it, t);
        } else {
            known = false;
        }
    }
    if (known) {
        more = hb_emit1(b,
                        t == HIR_T_RANGE_ITER  ? HIR_RangeIterMore
                        : t == HIR_T_LIST_ITER ? HIR_ListIterMore
                                               : HIR_TupleIterMore,
                        it);
    } else {
        next = hb_emit1(b, HIR_IterNext, it);
        more = hb_emit1(b, HIR_BNot, hb_emit1(b, HIR_IsNull, next));
    }
    HirBlock *body, *done;
    hb_branch(b, more, &body, &done);
    b->cur = body;
    exhausted(b, done, NULL, 0);
    if (!known) {
        HirIns *v = hb_emit1(b, HIR_Refine, next);
        v->aux = HIR_T_ANY;
        v->type = HIR_T_ANY;
        hb_push(b, v, true);
    } else if (t == HIR_T_RANGE_ITER) {
        hb_push(b, hb_emit1(b, HIR_BoxInt, hb_emit1(b, HIR_RangeIterNext, it)), true);
    } else {
        HirIns *v = hb_emit1(b, t == HIR_T_LIST_ITER ? HIR_ListIterNext : HIR_TupleIterNext, it);
        hb_emit1(b, HIR_Incref, v);
        hb_push(b, v, true);
    }
}
