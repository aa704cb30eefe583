/* Holds every row of PY311_LAYOUT against the headers we are compiled with. */
#include "py311_internal.h"

#include "py311_layout.h"

#define LAYOUT_ASSERT(name, value, expr) \
    _Static_assert((long)(expr) == (value), "PY311_LAYOUT: " #name);
PY311_LAYOUT(LAYOUT_ASSERT)

#define FRAME_ASSERT(field, theirs)                                                                \
    _Static_assert(offsetof(Py311Frame, field) == offsetof(_PyInterpreterFrame, theirs),           \
                   "Py311Frame: " #field);                                                         \
    _Static_assert(sizeof(((Py311Frame *)0)->field) == sizeof(((_PyInterpreterFrame *)0)->theirs), \
                   "Py311Frame: size of " #field);
FRAME_ASSERT(f_func, f_func)
FRAME_ASSERT(f_globals, f_globals)
FRAME_ASSERT(f_builtins, f_builtins)
FRAME_ASSERT(f_locals, f_locals)
FRAME_ASSERT(f_code, f_code)
FRAME_ASSERT(frame_obj, frame_obj)
FRAME_ASSERT(previous, previous)
FRAME_ASSERT(prev_instr, prev_instr)
FRAME_ASSERT(stacktop, stacktop)
FRAME_ASSERT(is_entry, is_entry)
FRAME_ASSERT(owner, owner)
FRAME_ASSERT(localsplus, localsplus)
/* The mark lies behind the owner and before the locals: in padding. */
_Static_assert(offsetof(Py311Frame, mark) > offsetof(_PyInterpreterFrame, owner) &&
                   offsetof(Py311Frame, mark) + sizeof(((Py311Frame *)0)->mark) <=
                       offsetof(_PyInterpreterFrame, localsplus),
               "Py311Frame: the mark is not in padding");
_Static_assert(FRAME_SPECIALS_SIZE == PY311_FRAME_SPECIALS, "FRAME_SPECIALS_SIZE");

_Static_assert(offsetof(Py311Zip, ittuple) == PY311_OFF_ITER_PARTS &&
                   offsetof(Py311Zip, result) == offsetof(Py311Enumerate, en_result),
               "enumerate and zip");

_Static_assert(DICT_KEYS_GENERAL == (int)PY311_KEYS_GENERAL &&
                   DICT_KEYS_UNICODE == (int)PY311_KEYS_UNICODE &&
                   DICT_KEYS_SPLIT == (int)PY311_KEYS_SPLIT,
               "kinds of dict keys");
_Static_assert(_PY_NSMALLNEGINTS == PY311_NSMALLNEG && _PY_NSMALLPOSINTS == PY311_NSMALLPOS,
               "small ints");
_Static_assert(MANAGED_DICT_OFFSET == PY311_OFF_OBJ_DICT_PTR, "managed dict");
_Static_assert(sizeof(_Py_atomic_int) == 4 && sizeof(((_PyCFrame *)0)->use_tracing) == 1,
               "widths that machine code relies on");
_Static_assert(FRAME_OWNED_BY_THREAD == (int)PY311_OWNED_BY_THREAD &&
                   FRAME_OWNED_BY_GENERATOR == (int)PY311_OWNED_BY_GENERATOR &&
                   FRAME_OWNED_BY_FRAME_OBJECT == (int)PY311_OWNED_BY_FRAME_OBJECT,
               "frame owners");
_Static_assert(FRAME_CREATED == (int)PY311_GEN_CREATED &&
                   FRAME_SUSPENDED == (int)PY311_GEN_SUSPENDED &&
                   FRAME_EXECUTING == (int)PY311_GEN_EXECUTING &&
                   FRAME_COMPLETED == (int)PY311_GEN_COMPLETED &&
                   FRAME_CLEARED == (int)PY311_GEN_CLEARED,
               "states of generators");
