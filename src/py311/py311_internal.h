/* The one door to CPython's internal headers.  Only inline functions that touch exported symbols
 * may be used from them: the extension must load into a stock interpreter. */
#ifndef PYSTON_PY311_INTERNAL_H
#define PYSTON_PY311_INTERNAL_H

#define Py_BUILD_CORE 1
#include <Python.h>

#if PY_VERSION_HEX < 0x030b0000 || PY_VERSION_HEX >= 0x030c0000
#error "src/py311 describes CPython 3.11"
#endif
#ifdef Py_DEBUG
#error "debug builds of CPython have another layout"
#endif

#include "internal/pycore_ceval.h"
#include "internal/pycore_code.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_gc.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_moduleobject.h"
#include "internal/pycore_object.h"
#include "internal/pycore_pymem.h"
#include "internal/pycore_pystate.h"
#include "internal/pycore_runtime.h"

#endif
