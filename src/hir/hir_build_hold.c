/* Builder, the last step: what the stages behind it need of Python objects.
 *
 * They may run on a thread without the GIL, while the program goes on.  So the unit takes a reference to each
 * object that machine code will have the address of, and what is to be read of objects that change is read here:
 * how dicts are laid out, what is known of functions that are called. */
#include "hir_build_priv.h"

#include "py311_frame.h"

/* Keys of one version are one object in one state, so what a dict that has them now says of their layout
 * holds wherever the version matches: the bytes of hash indices as a power of two, or 0 when the dict has others. */
static uint8_t log2_indices(PyObject *dict, uint32_t version)
{
    char *keys = dict && PyDict_CheckExact(dict) ? py311_dict_keys(dict) : NULL;
    if (!keys || version == 0 || py311_keys_version(keys) != version) {
        return 0;
    }
    uint8_t log2 = (uint8_t)keys[PY311_OFF_KEYS_LOG2_INDEX_BYTES];
    return log2 < 24 ? log2 : 0;
}

/* The dict that i looks into, where it can be known now: only a hint. */
static PyObject *known_dict(const HirFunc *f, const HirIns *i)
{
    const HirIns *owner = hir_root(i->args[0]);
    if (i->op == HIR_LoadGlobalBuiltin) {
        return f->builtins;
    }
    if (i->op == HIR_LoadGlobalModule) {
        return f->globals;
    }
    bool module = owner->op == HIR_Const && owner->imm.p && PyModule_CheckExact(owner->imm.p);
    return module ? PyModule_GetDict(owner->imm.p) : NULL;
}

static void know_callee(HirFunc *f, PyCodeObject *code)
{
    if (!rt_direct.callee || hir_callee(f, code)) {
        return;
    }
    HirCallee *c = arena_new(f->arena, HirCallee);
    *c = (HirCallee){f->callees, code, rt_direct.callee(code)};
    f->callees = c;
}

/* False: out of memory. */
static bool hold(HirFunc *f, HirIns *i)
{
    if (hir_sigs[i->op].imm == HIR_IMM_OBJ && i->imm.p &&
        !(i->op == HIR_Const && i->aux == HIR_CONST_BORROWED) &&
        rt_unit_pin(f->unit, i->imm.p) < 0) {
        return false;
    }
    switch (i->op) {
    case HIR_LoadModuleAttr:
    case HIR_LoadGlobalModule: i->hint = log2_indices(known_dict(f, i), i->aux); break;
    case HIR_LoadGlobalBuiltin: i->hint = log2_indices(known_dict(f, i), i->imm.pair.a); break;
    case HIR_CallPy:
    case HIR_CallInit: know_callee(f, i->imm.p); break;
    default: break;
    }
    return true;
}

bool hb_hold(HirFunc *f)
{
    for (HirBlock *b = f->blocks; b; b = b->next) {
        for (HirIns *i = b->first; i; i = i->next) {
            if (!hold(f, i)) {
                return false;
            }
        }
    }
    return true;
}
