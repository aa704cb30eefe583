/* isinstance() with remembered answers.
 *
 * For a class whose metaclass is `type` itself, what PyObject_IsInstance gives depends on the type of the object only:
 * its MRO, and, where that does not name the class, on what `__class__` says. Both stand as long as the type has its
 * version tag, provided `__class__` is object's own. So answers are kept in a small table by version tag and class.
 *
 * Neither needs the class to be alive: a class in an MRO is, and one that was freed and replaced by another at the same
 * address is not in an MRO made before. Other metaclasses (ABCMeta) may answer what they like: they are asked. */
#include "rt_attr.h"

typedef struct {
    PyTypeObject *cls; /* borrowed, only compared */
    uint32_t version;  /* tp_version_tag of the object's type, never 0 in use */
    int8_t answer;
} Answer;

/* A power of two; programs ask about a few hundred pairs. */
#define NANSWERS 512
static Answer answers[NANSWERS];

enum { UNKNOWN = -1 };

static BASE_NOINLINE int learn(PyTypeObject *tp, PyTypeObject *cls, Answer *a)
{
    bool subtype = PyType_IsSubtype(tp, cls);
    if (!subtype && !rt_attr_class_is_type(tp))
        return UNKNOWN;
    if (rt_type_version(tp) != 0)
        *a = (Answer){cls, tp->tp_version_tag, subtype};
    return subtype;
}

/* The answer without running any code, or UNKNOWN. */
static inline int known_answer(PyTypeObject *tp, PyObject *cls)
{
    if ((PyObject *)tp == cls)
        return 1;
    if (!Py_IS_TYPE(cls, &PyType_Type))
        return UNKNOWN;
    uint32_t version = tp->tp_version_tag;
    Answer *a = &answers[(((uintptr_t)cls >> 4) ^ version) % NANSWERS];
    if (BASE_LIKELY(a->cls == (PyTypeObject *)cls && a->version == version && version != 0))
        return a->answer;
    return learn(tp, (PyTypeObject *)cls, a);
}

int rt_is_instance(PyObject *v, PyObject *cls)
{
    int answer = known_answer(Py_TYPE(v), cls);
    return BASE_LIKELY(answer != UNKNOWN) ? answer : PyObject_IsInstance(v, cls);
}

/* The loop of object_recursive_isinstance for a tuple of classes, which is a level of recursion there. */
int rt_is_instance_any(PyThreadState *ts, PyObject **argv, Py_ssize_t n)
{
    if (rt_enter_recursive(ts, " in __instancecheck__"))
        return -1;
    int answer = 0;
    for (Py_ssize_t i = 1; i < n && answer == 0; i++)
        answer = rt_is_instance(argv[0], argv[i]);
    rt_leave_recursive(ts);
    return answer;
}
