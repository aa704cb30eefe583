/* Builder, generators: bytecode that makes, suspends and resumes frames which outlive a call, in
 * generators, coroutines and asynchronous generators.
 *
 * A compilation starts at the function's start, where it goes as far as RETURN_GENERATOR, or behind
 * an instruction at which a frame may be suspended (RETURN_GENERATOR, YIELD_VALUE); it ends at the next
 * such instruction on every path.  So the yields of a loop do not make it irreducible, what a unit
 * knows of its values holds from its entry on, and only resume points that are hot are compiled. */
#include "hir_build_priv.h"

void hb_return_generator(Builder *b)
{
    hb_emit1(b, HIR_Return, hb_emit0(b, HIR_MakeGenerator));
    b->cur = NULL;
}

void hb_yield_value(Builder *b)
{
    for (int k = b->st.nstack; k > 0; k--) {
        hb_own(b, hb_peek(b, k));
    }
    Entry value = hb_pop(b);
    hb_emit_var(b, HIR_Suspend, b->st.nstack);
    hb_emit1(b, HIR_Return, value.v);
    b->cur = NULL;
}

/* Yields again and again what the receiver yields, on the way that falls through; jumps when the
 * receiver has returned. */
void hb_send(Builder *b)
{
    HirIns *yielded = hb_emit2(b, HIR_Send, hb_peek(b, 2)->v, hb_peek(b, 1)->v);
    int slot = b->st.nstack - 2;
    yielded->aux = (uint32_t)slot;
    HirIns *more = hb_emit1(b, HIR_BNot, hb_emit1(b, HIR_IsNull, yielded));
    HirBlock *yields, *returned;
    hb_branch(b, more, &yields, &returned);
    State saved = hb_state_copy(b, &b->st);
    b->cur = returned;
    HirIns *result = hb_emit0(b, HIR_LoadStack);
    result->aux = (uint32_t)slot;
    result->type = HIR_T_ANY;
    hb_pop_drop(b, 2);
    hb_push(b, result, true);
    hb_goto(b, b->in->target);
    b->st = saved;
    b->cur = yields;
    b->fs_cache = NULL;
    HirIns *v = hb_emit1(b, HIR_Refine, yielded);
    v->aux = HIR_T_ANY;
    v->type = HIR_T_ANY;
    hb_pop_drop(b, 1);
    hb_push(b, v, true);
}

void hb_convert(Builder *b, HirOp op)
{
    hb_replace_operands(b, 1, hb_emit1(b, op, hb_peek(b, 1)->v), true);
}

void hb_get_awaitable(Builder *b)
{
    HirIns *iter = hb_emit1(b, HIR_GetAwaitable, hb_peek(b, 1)->v);
    iter->aux = (uint32_t)b->in->arg;
    hb_replace_operands(b, 1, iter, true);
}

void hb_get_anext(Builder *b)
{
    hb_push(b, hb_emit1(b, HIR_GetANext, hb_peek(b, 1)->v), true);
}
