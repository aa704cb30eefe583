/* What operations read and change, coarsely: four kinds of memory.
 *
 * Anything that may run Python code changes every kind but the homes of locals, which nothing but
 * this frame's own code writes (a tracer that does makes the frame leave compiled code first). */
#include "opt_internal.h"

uint32_t opt_reads(const HirIns *i)
{
    switch (i->op) {
    case HIR_LoadLocal: return OPT_MEM_HOMES;
    case HIR_RangeIterMore: return OPT_MEM_ITER;
    case HIR_GuardTypeVer:
    case HIR_GuardTypeIn:
    case HIR_GuardTypePtr:
    case HIR_GuardKeysVer:
    case HIR_GuardClassVer:
    case HIR_GuardFuncCode:
    case HIR_GuardFuncDefaults:
    case HIR_FuncDefault:
    case HIR_FuncKwDefault:
    case HIR_GuardNoDict:
    case HIR_GuardDictKeys:
    case HIR_LoadGlobalModule:
    case HIR_LoadGlobalBuiltin:
    case HIR_LoadModuleAttr: return OPT_MEM_VERSIONS;
    case HIR_TypeOf: /* __class__ may be assigned to instances of heap types */
        return i->args[0]->type & HIR_T_OTHER ? OPT_MEM_VERSIONS : 0;
    default: return hir_flags(i) & HIR_F_READ ? OPT_MEM_HEAP : 0;
    }
}

uint32_t opt_kills(const HirIns *i)
{
    uint32_t flags = hir_flags(i), kills = 0;
    if (flags & HIR_F_ARB) {
        kills = OPT_MEM_HEAP | OPT_MEM_VERSIONS | OPT_MEM_ITER;
    }
    switch (i->op) {
    case HIR_Incref:
    case HIR_Decref:
    case HIR_GuardTrue:
    case HIR_GuardFalse:
    case HIR_GuardShared:
    case HIR_GuardRecursion: return kills;
    case HIR_StoreLocal:
    case HIR_MakeCell:
    case HIR_CopyFreeVars:
    case HIR_StrAppendLocal:
    case HIR_SyncFloat:
    case HIR_SyncInt: return kills | OPT_MEM_HOMES;
    case HIR_RangeIterNext:
    case HIR_EnumNext:
    case HIR_ListIterNext:
    case HIR_TupleIterNext: return kills | OPT_MEM_ITER;
    case HIR_IterNext: return kills | OPT_MEM_ITER | OPT_MEM_HEAP;
    default: return flags & HIR_F_WRITE ? kills | OPT_MEM_HEAP : kills;
    }
}

uint8_t *opt_loop_kills(HirFunc *f)
{
    uint8_t *kills = arena_array(f->arena, uint8_t, f->nrpo + 1);
    for (OPT_EACH_BLOCK(f, b)) {
        if (!b->loop) {
            continue;
        }
        uint32_t k = 0;
        for (HirIns *i = b->first; i; i = i->next) {
            k |= opt_kills(i);
        }
        for (HirBlock *h = b->loop; h; h = h->loop_up) {
            kills[h->rpo] |= (uint8_t)k;
        }
    }
    return kills;
}
