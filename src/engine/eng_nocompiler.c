/* Stands in for eng_compile.c while the compiler's rooms are missing: nothing is compiled. */
#include "eng_internal.h"

const char *eng_compiler_start(void) { return NULL; }
void eng_compiler_leave(bool leave) { (void)leave; }
void eng_unit_destroy(CodeUnit *u) { (void)u; }
struct CodeCache *eng_code_cache(void) { return NULL; }

CodeUnit *eng_compile(EngCodeState *s, Py311Frame *frame, int32_t entry_bci, int nstack)
{
    (void)frame;
    (void)entry_bci;
    (void)nstack;
    const char *reason = eng_never_compiled(s->code);
    s->tier = ENG_REFUSED;
    eng_count_reason(reason != NULL ? reason : "no compiler in this build");
    return NULL;
}

CodeUnit *eng_find_unit(const EngCodeState *s, int32_t entry_bci)
{
    (void)s;
    (void)entry_bci;
    return NULL;
}

int eng_compiler_stats(PyObject *dict)
{
    return eng_dict_add(dict, "code_bytes", PyLong_FromLong(0)) < 0 ||
                   eng_dict_add(dict, "metadata_bytes", PyLong_FromLong(0)) < 0 ||
                   eng_dict_add(dict, "deopts", PyDict_New()) < 0
               ? -1
               : 0;
}

PyObject *eng_compiler_dump(PyCodeObject *co, PyFunctionObject *func, const char *stage)
{
    (void)co;
    (void)func;
    PyErr_Format(PyExc_RuntimeError, "this build has no compiler, so no %s either", stage);
    return NULL;
}
