/* What stats() reports, and counting functions that are not compiled by reason.
 *
 * "Share of bytecode executed in compiled code" is sampled: each look at the main thread (eng_osr.c,
 * once per kernel tick of CPU time it uses) notes whether its current frame runs compiled.  A look
 * happens at the first safepoint after the tick, so time in C functions counts for their caller. */
#include "eng_internal.h"

#include <stdlib.h>
#include <string.h>

#include "eng_arenas.h"

EngCounts eng_counts;

typedef struct {
    const char *reason;
    uint64_t n;
} ReasonCount;
static ReasonCount *reasons;
static uint32_t nreasons, capreasons;

static ReasonCount *find_reason(const char *reason)
{
    for (uint32_t i = 0; i < nreasons; i++) {
        if (strcmp(reasons[i].reason, reason) == 0) {
            return &reasons[i];
        }
    }
    return NULL;
}

void eng_count_reason(const char *reason)
{
    ReasonCount *r = find_reason(reason);
    if (r == NULL) {
        if (nreasons == capreasons) {
            uint32_t cap = capreasons ? 2 * capreasons : 16;
            ReasonCount *grown = realloc(reasons, cap * sizeof *grown);
            if (grown == NULL) {
                return;
            }
            reasons = grown;
            capreasons = cap;
        }
        r = &reasons[nreasons++];
        r->reason = reason;
        r->n = 0;
    }
    r->n++;
}

int eng_dict_add(PyObject *dict, const char *key, PyObject *value)
{
    if (value == NULL) {
        return -1;
    }
    int err = PyDict_SetItemString(dict, key, value);
    Py_DECREF(value);
    return err;
}

static PyObject *reasons_dict(void)
{
    PyObject *d = PyDict_New();
    for (uint32_t i = 0; d != NULL && i < nreasons; i++) {
        if (eng_dict_add(d, reasons[i].reason, PyLong_FromUnsignedLongLong(reasons[i].n)) < 0) {
            Py_CLEAR(d);
        }
    }
    return d;
}

static PyObject *share(void)
{
    uint64_t all = eng_counts.ticks_compiled + eng_counts.ticks_tier0;
    if (all == 0) {
        Py_RETURN_NONE; /* too short a run to say */
    }
    return PyFloat_FromDouble((double)eng_counts.ticks_compiled / (double)all);
}

/* As in the setting: a number or "never". */
static PyObject *threshold(void)
{
    if (eng_settings.threshold == ENG_NEVER) {
        return PyUnicode_FromString("never");
    }
    return PyLong_FromUnsignedLong(eng_settings.threshold);
}

PyObject *eng_stats(void)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"functions_compiled", eng_counts.compiled},
        {"loops_compiled", eng_counts.compiled_osr},
        {"resumes_compiled", eng_counts.compiled_resumes},
        {"handlers_compiled", eng_counts.compiled_handlers},
        {"recompilations", eng_counts.recompiled},
        {"calls_inlined", eng_counts.inlined},
        {"osr_entries", eng_counts.osr_entries},
        {"samples", eng_counts.ticks_compiled + eng_counts.ticks_tier0},
        {"stack_segments", eng_counts.stack_segments},
        {"line_arrays", eng_counts.line_arrays},
        {"arenas", eng_arenas_live()},
        {"functions_seen", eng_nstates},
    };
    PyObject *d = PyDict_New();
    if (d == NULL || eng_dict_add(d, "enabled", PyBool_FromLong(eng_is_enabled())) < 0 ||
        eng_dict_add(d, "threshold", threshold()) < 0 ||
        eng_dict_add(d, "changed_over", PyBool_FromLong(eng_changed_over())) < 0) {
        goto fail;
    }
    for (size_t i = 0; i < BASE_COUNT(numbers); i++) {
        if (eng_dict_add(d, numbers[i].key, PyLong_FromUnsignedLongLong(numbers[i].value)) < 0) {
            goto fail;
        }
    }
    if (eng_dict_add(d, "not_compiled", reasons_dict()) < 0 ||
        eng_dict_add(d, "compile_seconds",
                     PyFloat_FromDouble((double)eng_counts.compile_ns / 1e9)) < 0 ||
        eng_dict_add(d, "share_compiled", share()) < 0 || eng_compiler_stats(d) < 0) {
        goto fail;
    }
    return d;
fail:
    Py_XDECREF(d);
    return NULL;
}
